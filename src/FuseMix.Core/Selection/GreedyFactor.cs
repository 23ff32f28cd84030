using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using FuseMix.Core.Evaluation;

namespace FuseMix.Core.Selection;

/// <summary>The Cholesky factor of K = (z·z' + 1)² over a growing part of some rows, each row's share of it as far as that was
/// needed.</summary>
/// <param name="rows">[n × dimension], row-major.</param>
/// <param name="dimension">Values per row.</param>
/// <param name="size">Rows that will be chosen at most.</param>
/// <exception cref="FuseMixException">The squared length of a row is not finite.</exception>
internal sealed class GreedyFactor(ReadOnlyMemory<float> rows, int dimension, int size)
{
    private readonly double[] _gains = Diagonal(rows, dimension);
    private readonly float[][] _shares = new float[rows.Length / dimension][];
    private readonly int[] _known = new int[rows.Length / dimension];
    private readonly int[] _chosen = new int[size];
    private int _count;

    /// <summary>The rows chosen so far, in their order.</summary>
    public ReadOnlySpan<int> Chosen => _chosen.AsSpan(0, _count);

    /// <summary>What a row adds to the determinant, as a factor: exact where <see cref="IsCurrent"/>, else at least that.</summary>
    public double Gain(int row) => _gains[row];

    /// <summary>Whether the gain takes all chosen rows into account.</summary>
    public bool IsCurrent(int row) => _known[row] == _count;

    /// <summary>Takes a row, which must be current, into the part.</summary>
    public void Choose(int row) => _chosen[_count++] = row;

    /// <summary>Takes chosen rows into account, in their order, until all are or the gain falls below a floor. Rows may advance at the same
    /// time.</summary>
    /// <remarks>The bits of a gain depend on how many chosen rows it knows, not on when it came to know them.</remarks>
    public void Advance(int row, double floor)
    {
        var all = rows.Span;
        var own = all.Slice(row * dimension, dimension);
        var share = _shares[row] ?? [];
        var (known, gain) = (_known[row], _gains[row]);
        for (; known < _count && !(gain < floor); known++)
        {
            if (known == share.Length) Array.Resize(ref share, Math.Min(size, Math.Max(16, 2 * known)));
            var other = _chosen[known];
            var product = 1.0 + DotProduct.Of(all.Slice(other * dimension, dimension), own);

            // The first chosen row has no share.
            var above = known == 0 ? 0 : Product(_shares[other].AsSpan(0, known), share.AsSpan(0, known));
            var entry = (float)((product * product - above) / Math.Sqrt(_gains[other]));
            share[known] = entry;
            gain -= (double)entry * entry;
        }

        (_shares[row], _known[row], _gains[row]) = (share, known, gain);
    }

    /// <summary>The product of two vectors, added up in fp64: what is left of K after thousands of terms is smaller than the rounding of
    /// fp32.</summary>
    internal static double Product(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        ref var left = ref MemoryMarshal.GetReference(a);
        ref var right = ref MemoryMarshal.GetReference(b);
        var whole = a.Length & ~15;
        Vector512<double> lower = default, upper = default;
        for (nuint i = 0; i < (nuint)whole; i += 16)
        {
            var (leftLower, leftUpper) = Vector512.Widen(Vector512.LoadUnsafe(ref left, i));
            var (rightLower, rightUpper) = Vector512.Widen(Vector512.LoadUnsafe(ref right, i));
            lower = Vector512.MultiplyAddEstimate(leftLower, rightLower, lower);
            upper = Vector512.MultiplyAddEstimate(leftUpper, rightUpper, upper);
        }

        var sum = Vector512.Sum(lower + upper);
        for (var i = whole; i < a.Length; i++) sum += (double)a[i] * b[i];
        return sum;
    }

    private static double[] Diagonal(ReadOnlyMemory<float> rows, int dimension)
    {
        var diagonal = new double[rows.Length / dimension];
        for (var row = 0; row < diagonal.Length; row++)
        {
            var product = 1.0 + RowSubset.SquaredLength(rows.Span, dimension, row);
            diagonal[row] = product * product;
        }

        return diagonal;
    }
}
