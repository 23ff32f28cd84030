namespace FuseMix.Core.Randomness;

/// <summary>Random numbers of one purpose: the same seed and stream give the same numbers on every machine.</summary>
/// <remarks>A mutable value: pass it by reference. It is not thread-safe; give each thread a stream of its own.</remarks>
/// <param name="seed">The seed of the whole run.</param>
/// <param name="stream">The purpose, see <see cref="Id"/>.</param>
/// <param name="counter">The block of four words to begin at.</param>
public struct RandomStream(ulong seed, ulong stream, ulong counter = 0)
{
    private ulong _counter = counter;
    private int _left;
    private uint _w1;
    private uint _w2;
    private uint _w3;

    /// <summary>The stream of a purpose at an index (a step, an epoch, a layer).</summary>
    /// <param name="purpose">0..255.</param>
    /// <param name="part">0..65,535: which of several streams of this purpose.</param>
    /// <param name="index">0..2^40-1.</param>
    public static ulong Id(byte purpose, int part, long index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(part);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(part, ushort.MaxValue);
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, 1L << 40);
        return ((ulong)purpose << 56) | ((ulong)part << 40) | (ulong)index;
    }

    /// <summary>32 random bits.</summary>
    public uint NextUInt32()
    {
        switch (_left)
        {
            case 3:
                _left = 2;
                return _w1;
            case 2:
                _left = 1;
                return _w2;
            case 1:
                _left = 0;
                return _w3;
            default:
                (var first, _w1, _w2, _w3) = Philox.Block(seed, stream, _counter++);
                _left = 3;
                return first;
        }
    }

    /// <summary>Uniform in [0, 1), 53 bits.</summary>
    public double NextDouble()
    {
        var bits = ((ulong)NextUInt32() << 32) | NextUInt32();
        return (bits >> 11) * (1.0 / (1UL << 53));
    }

    /// <summary>Uniform in 0..<paramref name="bound"/>-1, without the bias of a remainder (Lemire 2019).</summary>
    public int NextInt(int bound)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(bound);
        var range = (uint)bound;
        var product = (ulong)NextUInt32() * range;
        if ((uint)product < range)
        {
            var threshold = (0u - range) % range;
            while ((uint)product < threshold) product = (ulong)NextUInt32() * range;
        }

        return (int)(product >> 32);
    }

    /// <summary>Standard normal (Box and Muller); takes exactly one block of four words when begun at one, so that draw i can be had
    /// alone.</summary>
    public double NextNormal()
    {
        var radius = Math.Sqrt(-2 * Math.Log(1 - NextDouble()));
        return radius * Math.Cos(2 * Math.PI * NextDouble());
    }

    /// <summary>Gamma(<paramref name="shape"/>, 1) (Marsaglia and Tsang 2000).</summary>
    /// <param name="shape">Above 0.</param>
    public double NextGamma(double shape)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(shape);
        return Math.Exp(NextLogGamma(shape));
    }

    /// <summary>Beta(<paramref name="alpha"/>, <paramref name="alpha"/>) in [0, 1]; α = 1 is uniform.</summary>
    /// <param name="alpha">Above 0. The share of both gammas is taken in logarithms, so that a small α does not give 0/0.</param>
    public double NextBeta(double alpha)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(alpha);
        if (alpha == 1) return NextDouble();
        var difference = NextLogGamma(alpha) - NextLogGamma(alpha);
        return 1 / (1 + Math.Exp(-difference));
    }

    /// <summary>Puts <paramref name="values"/> in random order (Fisher and Yates).</summary>
    public void Shuffle<T>(Span<T> values)
    {
        for (var i = values.Length - 1; i > 0; i--)
        {
            var j = NextInt(i + 1);
            (values[i], values[j]) = (values[j], values[i]);
        }
    }

    private double NextLogGamma(double shape)
    {
        // A shape below 1 is drawn one higher and scaled down by U^(1/shape).
        var boost = shape < 1 ? Math.Log(1 - NextDouble()) / shape : 0;
        var d = (shape < 1 ? shape + 1 : shape) - 1.0 / 3;
        var c = 1 / Math.Sqrt(9 * d);
        while (true)
        {
            var x = NextNormal();
            var v = 1 + c * x;
            if (v <= 0) continue;
            v = v * v * v;
            var u = 1 - NextDouble();
            if (Math.Log(u) < 0.5 * x * x + d - d * v + d * Math.Log(v)) return Math.Log(d * v) + boost;
        }
    }
}
