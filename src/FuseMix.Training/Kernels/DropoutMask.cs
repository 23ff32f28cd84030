using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using FuseMix.Core.Randomness;

namespace FuseMix.Training.Kernels;

/// <summary>Dropout decisions, 16 random bits each, as a function of (seed, stream, row, column) alone.</summary>
/// <remarks>
/// A group of 128 columns takes 16 Philox blocks, computed side by side. Word w of lane l decides column 32·w + l of the group with its
/// low half and column 32·w + 16 + l with its high half; every row starts a new group. The probability is a multiple of 2^-16 and the
/// scale of what is kept follows from that multiple, so that the mean is exact.
/// </remarks>
internal readonly struct DropoutMask
{
    /// <summary>Columns decided together.</summary>
    public const int Group = 128;

    private readonly ulong _seed;
    private readonly ulong _stream;
    private readonly uint _dropped;

    public DropoutMask(double probability, ulong seed, ulong stream)
    {
        _seed = seed;
        _stream = stream;
        _dropped = (uint)Math.Round(probability * 65536);
        Scale = (float)(65536.0 / (65536 - _dropped));
    }

    /// <summary>Whether anything is dropped at all.</summary>
    public bool Drops => _dropped > 0;

    /// <summary>What a kept value is multiplied by.</summary>
    public float Scale { get; }

    /// <summary>The factor (0 or <see cref="Scale"/>) of one value: the definition that the vector form must meet.</summary>
    public float Factor(int row, int column, int width)
    {
        var (group, inside) = Math.DivRem(column, Group);
        var counter = FirstCounter(row, group, width) + (ulong)(inside % 16);
        var (w0, w1, w2, w3) = Philox.Block(_seed, _stream, counter);
        var word = (inside / 32) switch { 0 => w0, 1 => w1, 2 => w2, _ => w3 };
        var bits = inside % 32 < 16 ? word & 0xFFFF : word >> 16;
        return bits < _dropped ? 0 : Scale;
    }

    /// <summary>The factors of the <see cref="Group"/> columns of one group, <paramref name="factors"/> [128].</summary>
    [SkipLocalsInit]
    public unsafe void Fill(int row, int group, int width, float* factors)
    {
        var first = FirstCounter(row, group, width);

        // The first counter is a multiple of 16, so that adding a lane never carries.
        var c0 = Vector512.Create((uint)first) + Vector512.Create(0u, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
        var c1 = Vector512.Create((uint)(first >> 32));
        var c2 = Vector512.Create((uint)_stream);
        var c3 = Vector512.Create((uint)(_stream >> 32));
        uint k0 = (uint)_seed, k1 = (uint)(_seed >> 32);
        for (var round = 0; round < Philox.Rounds; round++)
        {
            var (high0, low0) = Multiply(c0, Philox.Multiplier0);
            var (high1, low1) = Multiply(c2, Philox.Multiplier1);
            c0 = high1 ^ c1 ^ Vector512.Create(k0);
            c1 = low1;
            c2 = high0 ^ c3 ^ Vector512.Create(k1);
            c3 = low0;
            k0 += Philox.Weyl0;
            k1 += Philox.Weyl1;
        }

        Decide(c0, factors);
        Decide(c1, factors + 32);
        Decide(c2, factors + 64);
        Decide(c3, factors + 96);
    }

    private static ulong FirstCounter(int row, int group, int width) =>
        (((ulong)row * (ulong)((width + Group - 1) / Group)) + (ulong)group) * 16;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private unsafe void Decide(Vector512<uint> word, float* factors)
    {
        var threshold = Vector512.Create(_dropped);
        var scale = Vector512.Create(Scale);
        Vector512.Store(Vector512.AndNot(scale, Vector512.LessThan(word & Vector512.Create(0xFFFFu), threshold).AsSingle()), factors);
        Vector512.Store(Vector512.AndNot(scale, Vector512.LessThan(word >>> 16, threshold).AsSingle()), factors + 16);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (Vector512<uint> High, Vector512<uint> Low) Multiply(Vector512<uint> x, uint factor)
    {
        if (Avx512F.IsSupported)
        {
            var m = Vector512.Create((ulong)factor).AsUInt32();
            var odds = Vector512.Create(0xFFFFFFFF00000000UL);
            var even = Avx512F.Multiply(x, m);
            var odd = Avx512F.Multiply((x.AsUInt64() >>> 32).AsUInt32(), m);
            var high = Vector512.ConditionalSelect(odds, odd, even >>> 32);
            var low = Vector512.ConditionalSelect(odds, odd << 32, even);
            return (high.AsUInt32(), low.AsUInt32());
        }

        if (Avx2.IsSupported)
        {
            var (highA, lowA) = Multiply(x.GetLower(), factor);
            var (highB, lowB) = Multiply(x.GetUpper(), factor);
            return (Vector512.Create(highA, highB), Vector512.Create(lowA, lowB));
        }

        Span<uint> highs = stackalloc uint[16], lows = stackalloc uint[16];
        for (var i = 0; i < 16; i++)
        {
            var product = (ulong)x[i] * factor;
            (highs[i], lows[i]) = ((uint)(product >> 32), (uint)product);
        }

        return (Vector512.Create<uint>(highs), Vector512.Create<uint>(lows));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (Vector256<uint> High, Vector256<uint> Low) Multiply(Vector256<uint> x, uint factor)
    {
        var m = Vector256.Create((ulong)factor).AsUInt32();
        var odds = Vector256.Create(0xFFFFFFFF00000000UL);
        var even = Avx2.Multiply(x, m);
        var odd = Avx2.Multiply((x.AsUInt64() >>> 32).AsUInt32(), m);
        return (Vector256.ConditionalSelect(odds, odd, even >>> 32).AsUInt32(), Vector256.ConditionalSelect(odds, odd << 32, even).AsUInt32());
    }
}
