namespace FuseMix.Storage;

/// <summary>What one element of a safetensors tensor is, little-endian.</summary>
public enum SafetensorsDtype
{
    /// <summary>IEEE double precision, 8 bytes.</summary>
    F64,

    /// <summary>IEEE single precision, 4 bytes.</summary>
    F32,

    /// <summary>IEEE half precision, 2 bytes.</summary>
    F16,

    /// <summary>The upper half of an IEEE single, 2 bytes.</summary>
    BF16,

    /// <summary>Signed, 8 bytes.</summary>
    I64,

    /// <summary>Signed, 4 bytes.</summary>
    I32,

    /// <summary>Signed, 2 bytes.</summary>
    I16,

    /// <summary>Signed, 1 byte.</summary>
    I8,

    /// <summary>Unsigned, 8 bytes.</summary>
    U64,

    /// <summary>Unsigned, 4 bytes.</summary>
    U32,

    /// <summary>Unsigned, 2 bytes.</summary>
    U16,

    /// <summary>Unsigned, 1 byte.</summary>
    U8,

    /// <summary>0 or 1, 1 byte.</summary>
    BOOL,
}

internal static class SafetensorsDtypes
{
    public static int Size(this SafetensorsDtype dtype) => dtype switch
    {
        SafetensorsDtype.F64 or SafetensorsDtype.I64 or SafetensorsDtype.U64 => 8,
        SafetensorsDtype.F32 or SafetensorsDtype.I32 or SafetensorsDtype.U32 => 4,
        SafetensorsDtype.F16 or SafetensorsDtype.BF16 or SafetensorsDtype.I16 or SafetensorsDtype.U16 => 2,
        _ => 1,
    };

    public static bool Holds<T>(this SafetensorsDtype dtype) => dtype switch
    {
        SafetensorsDtype.F64 => typeof(T) == typeof(double),
        SafetensorsDtype.F32 => typeof(T) == typeof(float),
        SafetensorsDtype.F16 => typeof(T) == typeof(Half),
        SafetensorsDtype.I64 => typeof(T) == typeof(long),
        SafetensorsDtype.I32 => typeof(T) == typeof(int),
        SafetensorsDtype.I16 => typeof(T) == typeof(short),
        SafetensorsDtype.I8 => typeof(T) == typeof(sbyte),
        SafetensorsDtype.U64 => typeof(T) == typeof(ulong),
        SafetensorsDtype.U32 => typeof(T) == typeof(uint),
        SafetensorsDtype.U16 => typeof(T) == typeof(ushort),
        SafetensorsDtype.U8 => typeof(T) == typeof(byte),
        _ => false,
    };
}
