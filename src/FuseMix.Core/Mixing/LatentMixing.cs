using System.Runtime.Intrinsics;
using FuseMix.Core.Randomness;

namespace FuseMix.Core.Mixing;

/// <summary>The augmentations of latents, on rows in memory. Every random number is a function of seed, stream and position.</summary>
public static class LatentMixing
{
    /// <summary>mixed ← λ·first + (1 - λ)·second (paper §4); call it with the same λ for every modality of a pair.</summary>
    /// <param name="first">Any number of values.</param>
    /// <param name="second">As many.</param>
    /// <param name="lambda">0..1.</param>
    /// <param name="mixed">As many; may be <paramref name="first"/> or <paramref name="second"/> itself.</param>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public static void Interpolate(ReadOnlySpan<float> first, ReadOnlySpan<float> second, double lambda, Span<float> mixed)
    {
        if (first.Length != second.Length || first.Length != mixed.Length) throw new ArgumentException("The three lengths must be equal.");
        var (a, b) = ((float)lambda, (float)(1 - lambda));
        var (va, vb) = (Vector512.Create(a), Vector512.Create(b));
        var i = 0;
        for (; i + Vector512<float>.Count <= first.Length; i += Vector512<float>.Count)
        {
            ((Vector512.Create<float>(first[i..]) * va) + (Vector512.Create<float>(second[i..]) * vb)).CopyTo(mixed[i..]);
        }

        for (; i < first.Length; i++) mixed[i] = (first[i] * a) + (second[i] * b);
    }

    /// <summary>Adds σ times a standard normal number to every value.</summary>
    /// <param name="values">Part of a batch.</param>
    /// <param name="sigma">0 or more.</param>
    /// <param name="seed">Seed of the run.</param>
    /// <param name="stream">Stream of this batch.</param>
    /// <param name="position">Where <paramref name="values"/> starts within the batch, so that parts can be done apart.</param>
    public static void AddGaussianNoise(Span<float> values, double sigma, ulong seed, ulong stream, long position)
    {
        for (var i = 0; i < values.Length; i++)
        {
            values[i] += (float)(sigma * new RandomStream(seed, stream, (ulong)(position + i)).NextNormal());
        }
    }

    /// <summary>
    /// Cuts the range that a feature has within the batch into bins at random places, and replaces the values of each bin by one
    /// value drawn from it (Randomized Quantization, Wu et al. 2023).
    /// </summary>
    /// <param name="rows">[count × dimension], row-major.</param>
    /// <param name="dimension">Features.</param>
    /// <param name="from">First feature to treat.</param>
    /// <param name="to">One past the last.</param>
    /// <param name="bins">At least 1.</param>
    /// <param name="seed">Seed of the run.</param>
    /// <param name="stream">Stream of this batch.</param>
    public static void Quantize(Span<float> rows, int dimension, int from, int to, int bins, ulong seed, ulong stream)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bins, 1);
        var count = rows.Length / dimension;
        Span<float> cuts = bins <= 257 ? stackalloc float[bins - 1] : new float[bins - 1];
        Span<float> values = bins <= 257 ? stackalloc float[bins] : new float[bins];
        for (var feature = from; feature < to; feature++)
        {
            float least = float.PositiveInfinity, most = float.NegativeInfinity;
            for (var r = 0; r < count; r++)
            {
                var value = rows[(r * dimension) + feature];
                least = MathF.Min(least, value);
                most = MathF.Max(most, value);
            }

            // Two words a draw, two draws a block: a feature never reaches into the next one's blocks.
            var random = new RandomStream(seed, stream, (ulong)feature * (ulong)bins);
            for (var i = 0; i < cuts.Length; i++) cuts[i] = Within(least, most, ref random);
            cuts.Sort();
            for (var i = 0; i < bins; i++) values[i] = Within(i == 0 ? least : cuts[i - 1], i == bins - 1 ? most : cuts[i], ref random);
            for (var r = 0; r < count; r++)
            {
                ref var value = ref rows[(r * dimension) + feature];
                var bin = 0;
                while (bin < cuts.Length && value >= cuts[bin]) bin++;
                value = values[bin];
            }
        }
    }

    private static float Within(float least, float most, ref RandomStream random) =>
        (float)(least + ((most - (double)least) * random.NextDouble()));
}
