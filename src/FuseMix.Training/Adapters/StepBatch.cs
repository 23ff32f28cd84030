using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace FuseMix.Training.Adapters;

/// <summary>What a step of one list of pairs needs beside its inputs.</summary>
/// <param name="Rows">Pairs of the batch.</param>
/// <param name="Step">From 0.</param>
/// <param name="Negatives">How much each negative counts.</param>
internal readonly record struct StepBatch(int Rows, long Step, NegativeWeights Negatives = default);

/// <summary>How much each pair of a batch counts as a negative of each other one.</summary>
/// <remarks>
/// A mixed pair i holds λ of a pair of group aᵢ and 1-λ of one of group bᵢ. As a negative of i, j counts 1 - o, where o is the probability
/// that a source of i and one of j, drawn by these shares, are of one group: λ²[aᵢ=aⱼ] + (1-λ)²[bᵢ=bⱼ] + λ(1-λ)([aᵢ=bⱼ] + [bᵢ=aⱼ]). It is 0
/// for two pairs of one group where nothing is mixed, and the same for i and j as for j and i.
/// </remarks>
/// <param name="Groups">[2 × rows] or longer: a, then b, of each row; null where every pair counts wholly.</param>
/// <param name="Rows">Pairs of the batch.</param>
/// <param name="Lambda">λ; 1 where nothing is mixed, b then being a.</param>
internal readonly record struct NegativeWeights(int[]? Groups, int Rows, double Lambda)
{
    private const double LeastWeight = 1e-6;

    /// <summary>Whether any pair may count less than wholly.</summary>
    public bool Apply => Groups is not null;

    /// <summary>What j counts as a negative of i, 0 to 1.</summary>
    public double Of(int i, int j)
    {
        if (Groups is null) return 1;
        var a = Groups.AsSpan(0, Rows);
        var b = Groups.AsSpan(Rows, Rows);
        var (first, second) = (Lambda, 1 - Lambda);
        var overlap = 0.0;
        if (a[i] == a[j]) overlap += first * first;
        if (b[i] == b[j]) overlap += second * second;
        if (a[i] == b[j]) overlap += first * second;
        if (b[i] == a[j]) overlap += first * second;
        var weight = 1 - overlap;
        return weight < LeastWeight ? 0 : weight;
    }

    /// <summary>Its logarithm; for 0 a number whose exponential is none.</summary>
    public float LogOf(int i, int j) => Of(i, j) is var weight and > 0 ? (float)Math.Log(weight) : -1e4f;

    /// <summary>The first column at or behind <paramref name="from"/> that shares a group with row i; <paramref name="count"/> for
    /// none.</summary>
    public int Next(int i, int from, int count)
    {
        ref var groups = ref MemoryMarshal.GetArrayDataReference(Groups!);
        var (a, b) = (Vector512.Create(Groups![i]), Vector512.Create(Groups[Rows + i]));
        var j = from;
        for (; j + 16 <= count; j += 16)
        {
            var first = Vector512.LoadUnsafe(ref groups, (nuint)j);
            var second = Vector512.LoadUnsafe(ref groups, (nuint)(Rows + j));
            var shared =
                Vector512.Equals(first, a) | Vector512.Equals(first, b) | Vector512.Equals(second, a) | Vector512.Equals(second, b);
            var lanes = shared.ExtractMostSignificantBits();
            if (lanes != 0) return j + System.Numerics.BitOperations.TrailingZeroCount(lanes);
        }

        for (; j < count; j++)
        {
            if (Groups[j] == Groups[i]
                || Groups[j] == Groups[Rows + i]
                || Groups[Rows + j] == Groups[i]
                || Groups[Rows + j] == Groups[Rows + i])
            {
                return j;
            }
        }

        return count;
    }
}
