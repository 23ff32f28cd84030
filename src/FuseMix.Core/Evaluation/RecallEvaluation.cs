using System.Runtime.Intrinsics;

namespace FuseMix.Core.Evaluation;

/// <summary>Ranks of right answers under full similarity, as cross-modal retrieval is scored (FuseMix, section 5.1: R@1, R@5,
/// R@10).</summary>
public static class RecallEvaluation
{
    private const int QueryBlock = 32;
    private const int RowBlock = 256;

    /// <summary>The rank of the best right candidate of every query.</summary>
    /// <param name="queries">[n × dimension], row-major.</param>
    /// <param name="candidates">[m × dimension], row-major.</param>
    /// <param name="dimension">Values per row.</param>
    /// <param name="correct">For each query the rows of <paramref name="candidates"/> that answer it; at least one.</param>
    /// <param name="threads">Threads to use, 0 for one per core. The ranks do not depend on it.</param>
    /// <param name="cancellationToken">Stops between two blocks.</param>
    /// <returns>
    /// [n] 1 + the number of wrong candidates whose score is at least that of the best right one: ties count against us,
    /// other right candidates do not count.
    /// </returns>
    /// <remarks>Scores are computed in blocks of 32 × 256, so that the n × m table never exists.</remarks>
    /// <exception cref="FuseMixException">A value that is not a finite number, a query without a right candidate, or shapes that do not
    /// fit.</exception>
    public static int[] Ranks(
        ReadOnlyMemory<float> queries,
        ReadOnlyMemory<float> candidates,
        int dimension,
        IReadOnlyList<IReadOnlyList<int>> correct,
        int threads = 0,
        CancellationToken cancellationToken = default)
    {
        var n = RequireRows(queries.Span, dimension, "query");
        var m = RequireRows(candidates.Span, dimension, "candidate");
        if (correct.Count != n) throw Invalid($"{n} queries come with {correct.Count} sets of right candidates.");
        ArgumentOutOfRangeException.ThrowIfNegative(threads);
        for (var q = 0; q < n; q++)
        {
            if (correct[q].Count == 0) throw Invalid($"Query {q} has no right candidate, so it has no rank.");
            foreach (var row in correct[q])
            {
                if ((uint)row >= (uint)m) throw Invalid($"Query {q} names candidate {row}; there are {m}.");
            }
        }

        var ranks = new int[n];
        var blocks = (n + QueryBlock - 1) / QueryBlock;
        var options = new ParallelOptions
        {
            MaxDegreeOfParallelism = threads == 0 ? Environment.ProcessorCount : threads,
            CancellationToken = cancellationToken,
        };
        if (blocks == 1 || options.MaxDegreeOfParallelism == 1)
        {
            for (var block = 0; block < blocks; block++) RankBlock(block);
        }
        else
        {
            Parallel.For(0, blocks, options, RankBlock);
        }

        return ranks;

        void RankBlock(int block)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var first = block * QueryBlock;
            var count = Math.Min(QueryBlock, n - first);
            RankQueries(
                queries.Span.Slice(first * dimension, count * dimension),
                candidates.Span,
                dimension,
                correct,
                first,
                ranks.AsSpan(first, count));
        }
    }

    /// <summary>Recall of one direction, right answers being the candidates of the query's group.</summary>
    /// <exception cref="FuseMixException">As <see cref="Ranks"/>; or two dimensions, or a group without a candidate.</exception>
    public static DirectionRecall Measure(EmbeddingSet queries, EmbeddingSet candidates, int threads = 0)
    {
        if (queries.Dimension != candidates.Dimension)
        {
            throw Invalid(
                $"{queries.Modality} embeddings have {queries.Dimension} values and {candidates.Modality} embeddings "
                    + $"{candidates.Dimension}: these are not one space.");
        }

        var byGroup = new Dictionary<int, List<int>>();
        for (var row = 0; row < candidates.Count; row++)
        {
            if (!byGroup.TryGetValue(candidates.Groups[row], out var rows)) byGroup.Add(candidates.Groups[row], rows = []);
            rows.Add(row);
        }

        var correct = new IReadOnlyList<int>[queries.Count];
        for (var q = 0; q < correct.Length; q++)
        {
            correct[q] = byGroup.TryGetValue(queries.Groups[q], out var rows)
                ? rows
                : throw Invalid(
                    $"{queries.Modality} query {q} is of group {queries.Groups[q]}, which no {candidates.Modality} candidate belongs to.");
        }

        var ranks = Ranks(queries.Values, candidates.Values, queries.Dimension, correct, threads);
        return DirectionRecall.Of(queries.Modality, candidates.Modality, candidates.Count, ranks);
    }

    private static void RankQueries(
        ReadOnlySpan<float> queries, ReadOnlySpan<float> candidates, int dimension, IReadOnlyList<IReadOnlyList<int>> correct, int first,
        Span<int> ranks)
    {
        Span<float> best = stackalloc float[ranks.Length];
        for (var q = 0; q < ranks.Length; q++)
        {
            var query = queries.Slice(q * dimension, dimension);
            best[q] = float.NegativeInfinity;
            foreach (var row in correct[first + q]) best[q] = Math.Max(best[q], Score(query, candidates, row));
            if (float.IsNaN(best[q])) throw Overflow(first + q);

            // All candidates are counted below, so the right ones that reach the best score (it does, duplicates may) come off here.
            var reaching = 0;
            foreach (var row in correct[first + q] is ISet<int> set ? set : correct[first + q].Distinct())
            {
                if (Score(query, candidates, row) >= best[q]) reaching++;
            }

            ranks[q] = 1 - reaching;
        }

        var m = candidates.Length / dimension;
        var scores = new float[ranks.Length * RowBlock];
        for (var row = 0; row < m; row += RowBlock)
        {
            var rows = Math.Min(RowBlock, m - row);
            DotProduct.Table(queries, candidates.Slice(row * dimension, rows * dimension), dimension, scores);
            for (var q = 0; q < ranks.Length; q++) ranks[q] += NotBelow(scores.AsSpan(q * rows, rows), best[q]);
        }

        float Score(ReadOnlySpan<float> query, ReadOnlySpan<float> all, int row) =>
            DotProduct.Of(query, all.Slice(row * dimension, dimension));
    }

    // "Not below" rather than "at least": a score that overflowed to NaN then counts against us instead of for us.
    private static int NotBelow(ReadOnlySpan<float> scores, float threshold)
    {
        var below = 0;
        var i = 0;
        for (; i + 16 <= scores.Length; i += 16)
        {
            var mask = Vector512.LessThan(Vector512.Create(scores.Slice(i, 16)), Vector512.Create(threshold));
            below += System.Numerics.BitOperations.PopCount(mask.ExtractMostSignificantBits());
        }

        for (; i < scores.Length; i++) below += scores[i] < threshold ? 1 : 0;
        return scores.Length - below;
    }

    private static int RequireRows(ReadOnlySpan<float> values, int dimension, string what)
    {
        if (dimension < 1 || values.Length == 0 || values.Length % dimension != 0)
        {
            throw Invalid($"{values.Length} {what} values are not rows of {dimension}.");
        }

        for (var i = 0; i < values.Length; i++)
        {
            if (!float.IsFinite(values[i]))
            {
                throw Invalid($"The {what} embedding in row {i / dimension} holds {values[i]}: only finite numbers can be ranked.");
            }
        }

        return values.Length / dimension;
    }

    private static FuseMixException Invalid(string message) => new(FailureKind.Invalid, message);

    private static FuseMixException Overflow(int query) => Invalid($"The scores of query {query} overflow: normalise the embeddings.");
}
