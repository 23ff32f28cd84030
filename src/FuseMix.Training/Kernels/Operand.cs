using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace FuseMix.Training.Kernels;

/// <summary>How a value that matrix products read is stored; all arithmetic on it is in fp32.</summary>
internal unsafe interface IOperand<T>
    where T : unmanaged, IOperand<T>
{
    /// <summary>Whether storing rounds, so that operands cannot share memory with the fp32 values that they come from.</summary>
    static abstract bool Rounds { get; }

    /// <summary>Sixteen values.</summary>
    static abstract Vector512<float> Load(T* from);

    /// <summary>Sixteen values.</summary>
    static abstract void Store(Vector512<float> values, T* to);

    /// <summary>One value.</summary>
    static abstract float Read(T value);

    /// <summary>One value.</summary>
    static abstract T Of(float value);
}

/// <summary>IEEE single precision.</summary>
internal readonly unsafe struct Fp32(float value) : IOperand<Fp32>
{
    private readonly float _value = value;

    public static bool Rounds => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load(Fp32* from) => Vector512.Load((float*)from);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector512<float> values, Fp32* to) => Vector512.Store(values, (float*)to);

    public static float Read(Fp32 value) => value._value;

    public static Fp32 Of(float value) => new(value);
}

/// <summary>The upper half of a single: its exponent, and 8 bits of precision. Stored rounded to nearest, halves to even.</summary>
/// <remarks>.NET has no access to the processor's own conversion. A NaN stays one unless all its payload is set, which arithmetic never
/// makes.</remarks>
internal readonly unsafe struct Bf16(ushort bits) : IOperand<Bf16>
{
    private readonly ushort _bits = bits;

    public static bool Rounds => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load(Bf16* from)
    {
        var bits = Vector256.Load((ushort*)from);
        var wide = Avx512F.IsSupported ? Avx512F.ConvertToVector512UInt32(bits) : Vector512.Create(
            Vector256.WidenLower(bits), Vector256.WidenUpper(bits));
        return (wide << 16).AsSingle();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector512<float> values, Bf16* to)
    {
        var bits = values.AsUInt32();
        var rounded = (bits + Vector512.Create(0x7FFFu) + ((bits >>> 16) & Vector512<uint>.One)) >>> 16;
        var narrow = Avx512F.IsSupported ? Avx512F.ConvertToVector256UInt16(rounded) : Vector256.Narrow(
            rounded.GetLower(), rounded.GetUpper());
        Vector256.Store(narrow, (ushort*)to);
    }

    public static float Read(Bf16 value) => BitConverter.UInt32BitsToSingle((uint)value._bits << 16);

    public static Bf16 Of(float value)
    {
        var bits = BitConverter.SingleToUInt32Bits(value);
        return new Bf16((ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16));
    }
}
