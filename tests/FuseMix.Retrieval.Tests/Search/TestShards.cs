using FuseMix.Core.Evaluation;
using FuseMix.Retrieval.Search;
using FuseMix.Retrieval.Shards;

namespace FuseMix.Retrieval.Tests.Search;

/// <summary>Small shards and the plain way to search them.</summary>
internal static class TestShards
{
    public static string Write(
        string path,
        float[] rows,
        int dimension,
        Func<int, string>? id = null,
        Func<int, IReadOnlyDictionary<string, string>?>? metadata = null,
        string[]? columns = null)
    {
        var writer = new ShardWriter("g000001-aa", "image-0", Modality.Image, dimension, columns);
        for (var row = 0; row < rows.Length / dimension; row++)
        {
            writer.Add(id?.Invoke(row) ?? $"item-{row:D6}", rows.AsSpan(row * dimension, dimension), metadata?.Invoke(row));
        }

        writer.Write(path);
        return path;
    }

    /// <summary>Sorts all fp32 scores, ids by code point where they tie.</summary>
    public static SearchHit[] Oracle(
        float[] rows,
        int dimension,
        ReadOnlySpan<float> query,
        int k,
        Func<int, string> id,
        Func<int, bool>? allowed = null,
        float least = float.NegativeInfinity)
    {
        var stride = (dimension + 15) & ~15;
        var q = new float[stride];
        query.CopyTo(q);
        var hits = new List<SearchHit>();
        for (var row = 0; row < rows.Length / dimension; row++)
        {
            if (allowed is not null && !allowed(row)) continue;
            var padded = new float[stride];
            rows.AsSpan(row * dimension, dimension).CopyTo(padded);
            var score = DotProduct.Of(q, padded);
            if (score >= least) hits.Add(new SearchHit(id(row), score, row));
        }

        return [.. hits.OrderByDescending(h => h.Score).ThenBy(h => h.Id, IdOrder.Instance).Take(k)];
    }
}
