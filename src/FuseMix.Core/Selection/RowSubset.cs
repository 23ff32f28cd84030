using System.Globalization;
using FuseMix.Evaluation;
using FuseMix.Randomness;

namespace FuseMix.Selection;

/// <summary>Chooses a part of some rows. Every method gives the same rows for any number of threads, in the order in which they were chosen.</summary>
public static class RowSubset
{
    /// <summary>Bytes that <see cref="Determinantal"/> may use beside the rows where nobody says: 4 GiB, 75,000 rows × 14,000 chosen.</summary>
    public const long DefaultBudget = 4L << 30;

    private const int Part = 1024;
    private const byte Purpose = 200;

    /// <summary>Chooses by any method.</summary>
    /// <param name="method">How.</param>
    /// <param name="rows">Rows of unit length, [n × dimension]; not looked at by <see cref="SubsetMethod.Uniform"/>.</param>
    /// <param name="dimension">Values per row.</param>
    /// <param name="count">n.</param>
    /// <param name="size">How many to choose, 1 to n.</param>
    /// <param name="seed">Decides a uniform part, and where the farthest points begin.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>Distinct rows, [size].</returns>
    /// <exception cref="FuseMixException">More than there are were asked for, or the work does not fit its memory.</exception>
    public static int[] Choose(
        SubsetMethod method, ReadOnlyMemory<float> rows, int dimension, int count, int size, ulong seed, CancellationToken cancellationToken = default)
    {
        if (size < 1 || size > count)
            throw new FuseMixException(FailureKind.Invalid, string.Create(CultureInfo.InvariantCulture, $"{size} of {count} cannot be chosen."));
        return method switch
        {
            SubsetMethod.Uniform => Uniform(count, size, seed),
            SubsetMethod.FarthestPoint => FarthestPoints(rows, dimension, size, seed, cancellationToken),
            _ => Determinantal(rows, dimension, size, DefaultBudget, cancellationToken),
        };
    }

    /// <summary>A part at random. A smaller part of the same seed is the beginning of a larger one.</summary>
    public static int[] Uniform(int count, int size, ulong seed)
    {
        int[] order = [.. Enumerable.Range(0, count)];
        new RandomStream(seed, RandomStream.Id(Purpose, 0, 0)).Shuffle(order.AsSpan());
        return order[..size];
    }

    /// <summary>Each row as far as can be from those before; the first one at random. Time O(n·size·dimension), memory O(n).</summary>
    public static int[] FarthestPoints(ReadOnlyMemory<float> rows, int dimension, int size, ulong seed, CancellationToken cancellationToken = default)
    {
        var count = rows.Length / dimension;
        var chosen = new int[size];
        chosen[0] = new RandomStream(seed, RandomStream.Id(Purpose, 1, 0)).NextInt(count);

        // On the unit sphere the nearest is the one with the largest product.
        var nearest = new float[count];
        Array.Fill(nearest, float.NegativeInfinity);
        for (var step = 0; step < size; step++)
        {
            var last = chosen[step];
            var farthest = Parts(count, cancellationToken, (from, to) =>
            {
                var all = rows.Span;
                var row = all.Slice(last * dimension, dimension);
                var best = (Row: -1, Value: float.NegativeInfinity);
                for (var i = from; i < to; i++)
                {
                    nearest[i] = i == last ? float.PositiveInfinity : MathF.Max(nearest[i], DotProduct.Of(row, all.Slice(i * dimension, dimension)));
                    if (-nearest[i] > best.Value) best = (i, -nearest[i]);
                }

                return best;
            });
            if (step + 1 < size) chosen[step + 1] = farthest.Row;
        }

        return chosen;
    }

    /// <summary>
    /// The greedy most probable part under a determinantal point process with kernel K = (z·z' + 1)²: each row adds as much as can be to the
    /// determinant of K over the part. K itself is never held, only the rows of the Cholesky factor of what is chosen, [size × n].
    /// </summary>
    /// <remarks>Where nothing adds to the determinant any more (copies of rows), the rest is taken in the order of the rows.</remarks>
    /// <param name="rows">Rows of unit length, [n × dimension].</param>
    /// <param name="dimension">Values per row.</param>
    /// <param name="size">How many to choose, 1 to n.</param>
    /// <param name="budget">Bytes that the factor may take.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="FuseMixException">The factor needs more than <paramref name="budget"/>.</exception>
    public static int[] Determinantal(
        ReadOnlyMemory<float> rows, int dimension, int size, long budget = DefaultBudget, CancellationToken cancellationToken = default)
    {
        var count = rows.Length / dimension;
        var needed = (long)count * size * sizeof(float);
        if (needed > budget)
        {
            throw new FuseMixException(
                FailureKind.Invalid,
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"Choosing {size} of {count} by determinants takes {needed >> 20:N0} MiB; {budget >> 20:N0} MiB may be used."),
                "Choose fewer, or by farthest points.");
        }

        // What each row would add: the squared diagonal of the Cholesky factor, 4 = (1 + 1)² at first.
        const double Exhausted = 4e-6;
        var gains = new double[count];
        Array.Fill(gains, 4);
        var factor = new float[size][];
        var chosen = new int[size];
        var taken = new bool[count];
        var next = 0;
        for (var step = 0; step < size; step++)
        {
            chosen[step] = next;
            taken[next] = true;
            if (step + 1 == size) break;
            var (last, scale) = (next, 1 / Math.Sqrt(gains[next]));
            var above = new float[step];
            for (var s = 0; s < step; s++) above[s] = factor[s][last];
            var line = factor[step] = new float[count];
            var best = Parts(count, cancellationToken, (from, to) =>
            {
                var all = rows.Span;
                var row = all.Slice(last * dimension, dimension);
                Span<double> sums = stackalloc double[Part];
                sums = sums[..(to - from)];
                for (var i = from; i < to; i++)
                {
                    var product = 1.0 + DotProduct.Of(row, all.Slice(i * dimension, dimension));
                    sums[i - from] = product * product;
                }

                for (var s = 0; s < step; s++)
                {
                    double weight = above[s];
                    var earlier = factor[s].AsSpan(from, to - from);
                    for (var i = 0; i < sums.Length; i++) sums[i] -= weight * earlier[i];
                }

                var found = (Row: -1, Value: float.NegativeInfinity);
                for (var i = from; i < to; i++)
                {
                    var entry = sums[i - from] * scale;
                    line[i] = (float)entry;
                    gains[i] -= entry * entry;
                    if (!taken[i] && (float)gains[i] > found.Value) found = (i, (float)gains[i]);
                }

                return found;
            });
            if (best.Value <= Exhausted)
            {
                for (var i = 0; step + 1 < size; i++)
                {
                    if (!taken[i]) chosen[++step] = i;
                }

                break;
            }

            next = best.Row;
        }

        return chosen;
    }

    /// <summary>Runs over all rows in parts of a fixed size; the best of all, the first one of equals, whatever the threads do.</summary>
    private static (int Row, float Value) Parts(int count, CancellationToken cancellationToken, Func<int, int, (int Row, float Value)> part)
    {
        var found = new (int Row, float Value)[(count + Part - 1) / Part];
        Parallel.For(
            0,
            found.Length,
            new ParallelOptions { CancellationToken = cancellationToken },
            p => found[p] = part(p * Part, Math.Min((p + 1) * Part, count)));
        var best = found[0];
        foreach (var other in found)
        {
            if (best.Row < 0 || other.Value > best.Value) best = other;
        }

        return best;
    }
}
