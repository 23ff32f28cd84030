using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using FuseMix.Core.Evaluation;
using FuseMix.Retrieval.Shards;

namespace FuseMix.Retrieval.Search;

/// <summary>Exact top-k over the mapped rows of one shard, for a batch of queries: first pass on codes, then exact scores of what it could
/// not rule out.</summary>
internal sealed unsafe class ShardScan(ShardFormat format, byte* file, int[] rankOfRow, CodeKernel.Kind kernel)
{
    // Codes of 64 queries of 512 values are 32 KB: with one tile of rows they stay in the nearest caches.
    private const int QueriesAtOnce = 64;

    private readonly int _stride = format.Stride;
    private readonly int _count = format.Header.Count;
    private long _reranked;

    /// <summary>How many exact scores were computed.</summary>
    public long Reranked => _reranked;

    /// <summary>The best rows of every query.</summary>
    /// <param name="queries">[count × dimension] checked queries.</param>
    /// <param name="count">Number of queries.</param>
    /// <param name="allowed">One bit per row, 32 rows a word; null for all rows.</param>
    /// <param name="k">Results per query.</param>
    /// <param name="least">The least score.</param>
    /// <param name="threads">Ranges of rows to work on at once.</param>
    public (float Score, int Row)[][] Search(ReadOnlySpan<float> queries, int count, uint[]? allowed, int k, float least, int threads)
    {
        var dimension = format.Header.Dimension;
        var padded = new float[count * _stride];
        var codes = new sbyte[count * _stride];
        var bounds = new QueryCodes[count];
        for (var q = 0; q < count; q++)
        {
            queries.Slice(q * dimension, dimension).CopyTo(padded.AsSpan(q * _stride));
            bounds[q] = QueryCodes.Write(padded.AsSpan(q * _stride, _stride), codes.AsSpan(q * _stride, _stride));
        }

        // A narrow filter leaves so few rows that scoring them outright beats passing over all codes.
        var left = allowed is null ? _count : allowed.Sum(word => (long)BitOperations.PopCount(word));
        var outright = left <= Math.Max(k, _count / 64);

        var ranges = Math.Min(threads, format.Tiles);
        if (ranges == 1) return Range(0, format.Tiles);
        var parts = new (float Score, int Row)[ranges][][];
        Parallel.For(0, ranges, new ParallelOptions { MaxDegreeOfParallelism = ranges }, part =>
            parts[part] = Range((int)((long)format.Tiles * part / ranges), (int)((long)format.Tiles * (part + 1) / ranges)));
        return [.. Enumerable.Range(0, count).Select(q =>
        {
            var best = new BestRows(k, rankOfRow);
            foreach (var part in parts)
            {
                foreach (var (score, row) in part[q]) best.Offer(score, row);
            }

            return best.InOrder();
        })];

        (float Score, int Row)[][] Range(int from, int to)
        {
            var results = new (float Score, int Row)[count][];
            for (var first = 0; first < count; first += QueriesAtOnce)
            {
                var some = Math.Min(QueriesAtOnce, count - first);
                var candidates = new Candidates[some];
                for (var q = 0; q < some; q++) candidates[q] = new Candidates(k, least);
                if (outright)
                {
                    TakeAll(candidates, allowed, from, to);
                }
                else
                {
                    FirstPass(candidates, codes.AsSpan(first * _stride, some * _stride), bounds.AsSpan(first, some), allowed, from, to);
                }

                for (var q = 0; q < some; q++)
                    results[first + q] = Rerank(padded.AsSpan((first + q) * _stride, _stride), candidates[q], k, least);
            }

            return results;
        }
    }

    private void FirstPass(Candidates[] candidates, Span<sbyte> codes, Span<QueryCodes> bounds, uint[]? allowed, int from, int to)
    {
        var count = candidates.Length;
        var offsets = stackalloc int[count];
        var thresholds = stackalloc float[count];
        var sums = stackalloc int[count * 32];
        for (var q = 0; q < count; q++)
        {
            offsets[q] = bounds[q].Offset;
            thresholds[q] = candidates[q].Threshold;
        }

        var scales = (float*)(file + format.Scales);
        var errors = (float*)(file + format.Errors);
        fixed (sbyte* queries = codes)
        {
            for (var tile = from; tile < to; tile++)
            {
                var mask = allowed is null ? uint.MaxValue : allowed[tile];
                if (tile == format.Tiles - 1 && (_count & 31) != 0) mask &= (1u << (_count & 31)) - 1;
                if (mask == 0) continue;
                CodeKernel.Sums(kernel, file + format.Codes + ((long)tile * 32 * _stride), queries, offsets, count, _stride, sums);
                var row = tile * 32;
                var scaleA = Vector512.Load(scales + row);
                var scaleB = Vector512.Load(scales + row + 16);
                var errorA = Vector512.Load(errors + row);
                var errorB = Vector512.Load(errors + row + 16);
                for (var q = 0; q < count; q++)
                {
                    ref readonly var bound = ref bounds[q];
                    var factor = Vector512.Create(bound.ErrorFactor);
                    var slack = Vector512.Create(bound.Slack);
                    var scale = Vector512.Create(bound.Scale);
                    var scoreA = Vector512.ConvertToSingle(Vector512.Load(sums + (q * 32))) * (scaleA * scale);
                    var scoreB = Vector512.ConvertToSingle(Vector512.Load(sums + (q * 32) + 16)) * (scaleB * scale);
                    var marginA = (errorA * factor) + slack;
                    var marginB = (errorB * factor) + slack;
                    var least = Vector512.Create(thresholds[q]);

                    // "Not below": what is not a number stays in and is judged by its exact score.
                    var below = Vector512.LessThan(scoreA + marginA, least).ExtractMostSignificantBits()
                        | (Vector512.LessThan(scoreB + marginB, least).ExtractMostSignificantBits() << 16);
                    var open = ~(uint)below & mask;
                    if (open != 0) thresholds[q] = Keep(candidates[q], open, row, scoreA, scoreB, marginA, marginB);
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static float Keep(
        Candidates candidates, uint open, int row, Vector512<float> scoreA, Vector512<float> scoreB, Vector512<float> marginA,
        Vector512<float> marginB)
    {
        var score = stackalloc float[32];
        var margin = stackalloc float[32];
        scoreA.Store(score);
        scoreB.Store(score + 16);
        marginA.Store(margin);
        marginB.Store(margin + 16);
        for (; open != 0; open &= open - 1)
        {
            var lane = BitOperations.TrailingZeroCount(open);
            var upper = score[lane] + margin[lane];
            if (!(upper < candidates.Threshold)) candidates.Add(row + lane, score[lane] - margin[lane], upper);
        }

        return candidates.Threshold;
    }

    private void TakeAll(Candidates[] candidates, uint[]? allowed, int from, int to)
    {
        for (var tile = from; tile < to; tile++)
        {
            var mask = allowed is null ? uint.MaxValue : allowed[tile];
            if (tile == format.Tiles - 1 && (_count & 31) != 0) mask &= (1u << (_count & 31)) - 1;
            for (; mask != 0; mask &= mask - 1)
            {
                foreach (var list in candidates)
                    list.Add((tile * 32) + BitOperations.TrailingZeroCount(mask), float.NegativeInfinity, float.PositiveInfinity);
            }
        }
    }

    private (float Score, int Row)[] Rerank(Span<float> query, Candidates candidates, int k, float least)
    {
        var embeddings = (float*)(file + format.Embeddings);
        var (rows, uppers) = candidates.Ranked();
        var row = rows.Span;
        var upper = uppers.Span;
        var best = new BestRows(k, rankOfRow);
        ref var q = ref query[0];
        var i = 0;
        for (; i < row.Length; i++)
        {
            // Rows come by falling upper bound: once that is below k exact scores, so is everything after it.
            if (best.IsFull && upper[i] < best.Least) break;
            if (Sse.IsSupported && i + 4 < row.Length) Prefetch((byte*)(embeddings + ((long)row[i + 4] * _stride)));
            var score = DotProduct.Of(ref q, ref *(embeddings + ((long)row[i] * _stride)), _stride);
            if (score >= least) best.Offer(score, row[i]);
        }

        Interlocked.Add(ref _reranked, i);
        return best.InOrder();
    }

    private void Prefetch(byte* row)
    {
        var end = row + Math.Min(_stride * sizeof(float), 2048);
        for (; row < end; row += 64) Sse.Prefetch0(row);
    }
}
