using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace FuseMix.Core.Evaluation;

/// <summary>Dot products whose bits do not depend on how many are computed at once.</summary>
/// <remarks>
/// A rank compares one score with thousands; if the single product and the blocked one rounded differently, two equal
/// vectors would not tie. So every kernel here adds the same terms in the same order: 16 lanes over the whole blocks of 16,
/// the fixed tree of <see cref="Vector512.Sum{T}"/>, then the last <c>dimension % 16</c> terms one by one.
/// </remarks>
internal static class DotProduct
{
    private const int Lanes = 16;

    /// <summary>The product of two vectors of equal length.</summary>
    public static float Of(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        if (a.Length != b.Length) throw new ArgumentException($"{a.Length} values against {b.Length}.");
        return Of(ref MemoryMarshal.GetReference(a), ref MemoryMarshal.GetReference(b), a.Length);
    }

    /// <summary>The product of two vectors of <paramref name="dimension"/> values; the caller answers for the memory behind them.</summary>
    public static float Of(ref float a, ref float b, int dimension)
    {
        var whole = dimension & ~(Lanes - 1);
        var sum = Vector512<float>.Zero;
        for (var i = 0; i < whole; i += Lanes)
        {
            sum = Vector512.MultiplyAddEstimate(Vector512.LoadUnsafe(ref a, (nuint)i), Vector512.LoadUnsafe(ref b, (nuint)i), sum);
        }

        return Tail(Vector512.Sum(sum), ref a, ref b, whole, dimension);
    }

    /// <summary>All products of some queries [m × dimension] with some rows [n × dimension], into <paramref name="scores"/> [m ×
    /// n].</summary>
    public static void Table(ReadOnlySpan<float> queries, ReadOnlySpan<float> rows, int dimension, Span<float> scores)
    {
        var m = queries.Length / dimension;
        var n = rows.Length / dimension;
        if (m * dimension != queries.Length || n * dimension != rows.Length || scores.Length < (long)m * n)
        {
            throw new ArgumentException(
                $"{queries.Length} and {rows.Length} values are not rows of {dimension} with room for {scores.Length} scores.");
        }

        ref var q = ref MemoryMarshal.GetReference(queries);
        ref var r = ref MemoryMarshal.GetReference(rows);
        var wholeQueries = m & ~3;
        var wholeRows = n & ~3;
        for (var i = 0; i < wholeQueries; i += 4)
        {
            for (var j = 0; j < wholeRows; j += 4)
            {
                FourByFour(ref Unsafe.Add(ref q, i * dimension), ref Unsafe.Add(ref r, j * dimension), dimension, scores[(i * n + j)..], n);
            }
        }

        for (var i = 0; i < m; i++)
        {
            for (var j = i < wholeQueries ? wholeRows : 0; j < n; j++)
            {
                scores[i * n + j] = Of(ref Unsafe.Add(ref q, i * dimension), ref Unsafe.Add(ref r, j * dimension), dimension);
            }
        }
    }

    private static void FourByFour(ref float q, ref float r, int d, Span<float> scores, int n)
    {
        Vector512<float> s00 = default, s01 = default, s02 = default, s03 = default, s10 = default, s11 = default, s12 = default,
        s13 = default;
        Vector512<float> s20 = default, s21 = default, s22 = default, s23 = default, s30 = default, s31 = default, s32 = default,
        s33 = default;
        var whole = d & ~(Lanes - 1);
        ref var q1 = ref Unsafe.Add(ref q, d);
        ref var q2 = ref Unsafe.Add(ref q1, d);
        ref var q3 = ref Unsafe.Add(ref q2, d);
        ref var r1 = ref Unsafe.Add(ref r, d);
        ref var r2 = ref Unsafe.Add(ref r1, d);
        ref var r3 = ref Unsafe.Add(ref r2, d);
        for (nuint i = 0; i < (nuint)whole; i += Lanes)
        {
            var b0 = Vector512.LoadUnsafe(ref r, i);
            var b1 = Vector512.LoadUnsafe(ref r1, i);
            var b2 = Vector512.LoadUnsafe(ref r2, i);
            var b3 = Vector512.LoadUnsafe(ref r3, i);
            var a = Vector512.LoadUnsafe(ref q, i);
            s00 = Vector512.MultiplyAddEstimate(a, b0, s00);
            s01 = Vector512.MultiplyAddEstimate(a, b1, s01);
            s02 = Vector512.MultiplyAddEstimate(a, b2, s02);
            s03 = Vector512.MultiplyAddEstimate(a, b3, s03);
            a = Vector512.LoadUnsafe(ref q1, i);
            s10 = Vector512.MultiplyAddEstimate(a, b0, s10);
            s11 = Vector512.MultiplyAddEstimate(a, b1, s11);
            s12 = Vector512.MultiplyAddEstimate(a, b2, s12);
            s13 = Vector512.MultiplyAddEstimate(a, b3, s13);
            a = Vector512.LoadUnsafe(ref q2, i);
            s20 = Vector512.MultiplyAddEstimate(a, b0, s20);
            s21 = Vector512.MultiplyAddEstimate(a, b1, s21);
            s22 = Vector512.MultiplyAddEstimate(a, b2, s22);
            s23 = Vector512.MultiplyAddEstimate(a, b3, s23);
            a = Vector512.LoadUnsafe(ref q3, i);
            s30 = Vector512.MultiplyAddEstimate(a, b0, s30);
            s31 = Vector512.MultiplyAddEstimate(a, b1, s31);
            s32 = Vector512.MultiplyAddEstimate(a, b2, s32);
            s33 = Vector512.MultiplyAddEstimate(a, b3, s33);
        }

        scores[0] = Tail(Vector512.Sum(s00), ref q, ref r, whole, d);
        scores[1] = Tail(Vector512.Sum(s01), ref q, ref r1, whole, d);
        scores[2] = Tail(Vector512.Sum(s02), ref q, ref r2, whole, d);
        scores[3] = Tail(Vector512.Sum(s03), ref q, ref r3, whole, d);
        scores[n] = Tail(Vector512.Sum(s10), ref q1, ref r, whole, d);
        scores[n + 1] = Tail(Vector512.Sum(s11), ref q1, ref r1, whole, d);
        scores[n + 2] = Tail(Vector512.Sum(s12), ref q1, ref r2, whole, d);
        scores[n + 3] = Tail(Vector512.Sum(s13), ref q1, ref r3, whole, d);
        scores[2 * n] = Tail(Vector512.Sum(s20), ref q2, ref r, whole, d);
        scores[2 * n + 1] = Tail(Vector512.Sum(s21), ref q2, ref r1, whole, d);
        scores[2 * n + 2] = Tail(Vector512.Sum(s22), ref q2, ref r2, whole, d);
        scores[2 * n + 3] = Tail(Vector512.Sum(s23), ref q2, ref r3, whole, d);
        scores[3 * n] = Tail(Vector512.Sum(s30), ref q3, ref r, whole, d);
        scores[3 * n + 1] = Tail(Vector512.Sum(s31), ref q3, ref r1, whole, d);
        scores[3 * n + 2] = Tail(Vector512.Sum(s32), ref q3, ref r2, whole, d);
        scores[3 * n + 3] = Tail(Vector512.Sum(s33), ref q3, ref r3, whole, d);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Tail(float sum, ref float a, ref float b, int from, int to)
    {
        for (var i = from; i < to; i++) sum = float.MultiplyAddEstimate(Unsafe.Add(ref a, i), Unsafe.Add(ref b, i), sum);
        return sum;
    }
}
