using System.Globalization;
using FuseMix.Core.Evaluation;
using FuseMix.Core.Randomness;

namespace FuseMix.Core.Selection;

/// <summary>Chooses a part of some rows. Every method gives the same rows for any number of threads, in the order in which they were
/// chosen.</summary>
public static class RowSubset
{
    /// <summary>Bytes that <see cref="Determinantal"/> may use beside the rows where nobody says: 4 GiB, 75,000 rows × 14,000
    /// chosen.</summary>
    public const long DefaultBudget = 4L << 30;

    private const int Part = 1024;
    private const byte Purpose = 200;

    // Of the 4 = (1 + 1)² that a row of unit length adds at first: what is less is rounding.
    private const double Exhausted = 4e-6;

    private static readonly Comparer<(double Gain, int Row)> BestFirst =
        Comparer<(double Gain, int Row)>.Create((a, b) => a.Gain != b.Gain ? b.Gain.CompareTo(a.Gain) : a.Row.CompareTo(b.Row));

    /// <summary>Chooses by any method.</summary>
    /// <param name="method">How.</param>
    /// <param name="rows">Rows of unit length, [n × dimension]; not looked at by <see cref="SubsetMethod.Uniform"/>.</param>
    /// <param name="dimension">Values per row.</param>
    /// <param name="count">n.</param>
    /// <param name="size">How many to choose, 1 to n.</param>
    /// <param name="seed">Decides a uniform part, and where the farthest points begin.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>Distinct rows, [size].</returns>
    /// <exception cref="FuseMixException">More than there are were asked for, the work does not fit its memory, or the squared length of a
    /// row that is looked at is not finite.</exception>
    public static int[] Choose(
        SubsetMethod method, ReadOnlyMemory<float> rows, int dimension, int count, int size, ulong seed,
        CancellationToken cancellationToken = default)
    {
        if (size < 1 || size > count)
            throw new FuseMixException(
                FailureKind.Invalid, string.Create(CultureInfo.InvariantCulture, $"{size} of {count} cannot be chosen."));
        return method switch
        {
            SubsetMethod.Uniform => Uniform(count, size, seed),
            SubsetMethod.FarthestPoint => FarthestPoints(rows, dimension, size, seed, cancellationToken: cancellationToken),
            _ => Determinantal(rows, dimension, size, cancellationToken: cancellationToken),
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
    /// <param name="rows">Rows of unit length, [n × dimension].</param>
    /// <param name="dimension">Values per row.</param>
    /// <param name="size">How many to choose, 1 to n.</param>
    /// <param name="seed">Decides the first row.</param>
    /// <param name="threads">Threads to use, 0 for one per core.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="FuseMixException">The squared length of a row is not finite.</exception>
    public static int[] FarthestPoints(
        ReadOnlyMemory<float> rows, int dimension, int size, ulong seed, int threads = 0, CancellationToken cancellationToken = default)
    {
        var options = Options(threads, cancellationToken);
        var count = rows.Length / dimension;
        for (var row = 0; row < count; row++) _ = SquaredLength(rows.Span, dimension, row);
        var chosen = new int[size];
        chosen[0] = new RandomStream(seed, RandomStream.Id(Purpose, 1, 0)).NextInt(count);

        // On the unit sphere the nearest is the one with the largest product.
        var nearest = new float[count];
        Array.Fill(nearest, float.NegativeInfinity);
        for (var step = 0; step < size; step++)
        {
            var last = chosen[step];
            var farthest = Parts(count, options, (from, to) =>
            {
                var all = rows.Span;
                var row = all.Slice(last * dimension, dimension);
                var best = (Row: -1, Value: float.NegativeInfinity);
                for (var i = from; i < to; i++)
                {
                    nearest[i] = i == last ? float.PositiveInfinity : MathF.Max(
                        nearest[i], DotProduct.Of(row, all.Slice(i * dimension, dimension)));
                    if (-nearest[i] > best.Value) best = (i, -nearest[i]);
                }

                return best;
            });
            if (step + 1 < size) chosen[step + 1] = farthest.Row;
        }

        return chosen;
    }

    /// <summary>
    /// The greedy most probable part under a determinantal point process with kernel K = (z·z' + 1)²: each row adds as much as can be to
    /// the determinant of K over the part (Chen, Zhang and Zhou 2018). K itself is never held, only the rows' parts of the Cholesky factor.
    /// </summary>
    /// <remarks>
    /// What a row would add only falls while others are chosen, so a row whose last known gain is below the best up-to-date one waits: its
    /// part of the factor ends where it was last looked at. That changes no choice (of equals the first row), but most of the work is never
    /// done. Where nothing adds to the determinant any more (copies of rows, more rows than K has rank), the rest is taken in the order of
    /// the rows.
    /// </remarks>
    /// <param name="rows">Rows, [n × dimension], of unit length for the kernel of the paper.</param>
    /// <param name="dimension">Values per row.</param>
    /// <param name="size">How many to choose, 1 to n.</param>
    /// <param name="budget">Bytes that the factor may take at worst, 4·n·size.</param>
    /// <param name="threads">Threads to use, 0 for one per core.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="FuseMixException">The factor may need more than <paramref name="budget"/>, or the squared length of a row is not
    /// finite.</exception>
    public static int[] Determinantal(
        ReadOnlyMemory<float> rows, int dimension, int size, long budget = DefaultBudget, int threads = 0,
        CancellationToken cancellationToken = default)
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

        var factor = new GreedyFactor(rows, dimension, size);
        var options = Options(threads, cancellationToken);
        var queue = new PriorityQueue<int, (double Gain, int Row)>(BestFirst);
        for (var row = 0; row < count; row++) queue.Enqueue(row, (factor.Gain(row), row));

        // The last bits of the lengths of unit rows, which differ between machines, do not decide where to begin.
        var enough = factor.Gain(queue.Peek()) * (1 - 1e-5);
        var first = Enumerable.Range(0, count).First(row => factor.Gain(row) >= enough);
        queue.Remove(first, out _, out _);
        factor.Choose(first);
        var behind = new List<int>();
        while (factor.Chosen.Length < size)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var best = double.NegativeInfinity;
            for (var batch = 4; !factor.IsCurrent(queue.Peek()); batch = Math.Min(2 * batch, Part))
            {
                behind.Clear();
                while (behind.Count < batch && queue.Count > 0 && !factor.IsCurrent(queue.Peek())) behind.Add(queue.Dequeue());
                Parallel.For(0, behind.Count, options, i => factor.Advance(behind[i], best));
                foreach (var row in behind)
                {
                    queue.Enqueue(row, (factor.Gain(row), row));
                    if (factor.IsCurrent(row)) best = Math.Max(best, factor.Gain(row));
                }
            }

            var next = queue.Dequeue();
            if (!(factor.Gain(next) > Exhausted)) break;
            factor.Choose(next);
        }

        int[] chosen = [.. factor.Chosen];
        return chosen.Length == size ? chosen : [.. chosen, .. Enumerable.Range(0, count).Except(chosen).Take(size - chosen.Length)];
    }

    /// <summary>The product of a row with itself. Where that is finite, so is its product with any other such row.</summary>
    /// <exception cref="FuseMixException">It is not finite.</exception>
    internal static float SquaredLength(ReadOnlySpan<float> rows, int dimension, int row)
    {
        var z = rows.Slice(row * dimension, dimension);
        var square = DotProduct.Of(z, z);
        if (float.IsFinite(square)) return square;
        foreach (var value in z)
        {
            if (!float.IsFinite(value))
                throw new FuseMixException(
                    FailureKind.Invalid, $"Row {row} holds a value that is not a finite number.", "Check what it was made of.");
        }

        throw new FuseMixException(
            FailureKind.Invalid,
            $"Row {row} is too long: the square of its length is more than a float holds.",
            "Scale rows to unit length.");
    }

    /// <summary>Runs over all rows in parts of a fixed size; the best of all, the first one of equals, whatever the threads do.</summary>
    private static (int Row, float Value) Parts(int count, ParallelOptions options, Func<int, int, (int Row, float Value)> part)
    {
        var found = new (int Row, float Value)[(count + Part - 1) / Part];
        Parallel.For(0, found.Length, options, p => found[p] = part(p * Part, Math.Min((p + 1) * Part, count)));
        var best = found[0];
        foreach (var other in found)
        {
            if (best.Row < 0 || other.Value > best.Value) best = other;
        }

        return best;
    }

    private static ParallelOptions Options(int threads, CancellationToken cancellationToken) =>
        new() { MaxDegreeOfParallelism = threads == 0 ? -1 : threads, CancellationToken = cancellationToken };
}
