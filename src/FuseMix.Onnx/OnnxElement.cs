namespace FuseMix.Onnx;

/// <summary>The element type of an ONNX tensor; the numbers are those of <c>TensorProto.DataType</c>.</summary>
public enum OnnxElement
{
    /// <summary>32-bit floating point.</summary>
    Float = 1,

    /// <summary>Unsigned 8-bit integer.</summary>
    UInt8 = 2,

    /// <summary>Signed 8-bit integer.</summary>
    Int8 = 3,

    /// <summary>Unsigned 16-bit integer.</summary>
    UInt16 = 4,

    /// <summary>Signed 16-bit integer.</summary>
    Int16 = 5,

    /// <summary>Signed 32-bit integer.</summary>
    Int32 = 6,

    /// <summary>Signed 64-bit integer.</summary>
    Int64 = 7,

    /// <summary>A text.</summary>
    Text = 8,

    /// <summary>True or false, one byte each.</summary>
    Bool = 9,

    /// <summary>IEEE 16-bit floating point.</summary>
    Float16 = 10,

    /// <summary>64-bit floating point.</summary>
    Double = 11,

    /// <summary>Unsigned 32-bit integer.</summary>
    UInt32 = 12,

    /// <summary>Unsigned 64-bit integer.</summary>
    UInt64 = 13,

    /// <summary>Two 32-bit floating point numbers.</summary>
    Complex64 = 14,

    /// <summary>Two 64-bit floating point numbers.</summary>
    Complex128 = 15,

    /// <summary>The 16 upper bits of a 32-bit floating point number.</summary>
    BFloat16 = 16,
}
