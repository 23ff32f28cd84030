using FuseMix.Contracts.Collections;
using FuseMix.Retrieval.Search;

namespace FuseMix.Grains.Search;

/// <summary>What one shard has answered so far: the rows that it found, and what it said of some of them.</summary>
/// <param name="shard">The shard.</param>
/// <param name="replica">Which of its replicas answered.</param>
/// <param name="answer">The rows.</param>
internal sealed class ShardFindings(ShardStatus shard, int replica, ShardAnswer answer)
{
    /// <summary>Most rows that a shard is asked about in one call.</summary>
    private const int RowsPerCall = 4096;

    private readonly Dictionary<int, ShardItem> _items = (answer.Items ?? []).ToDictionary(item => item.Row);

    public ShardStatus Shard => shard;

    public int Replica => replica;

    /// <summary>Notes what the shard says of rows.</summary>
    public void Add(ShardItem[] items)
    {
        foreach (var item in items) _items[item.Row] = item;
    }

    /// <summary>The best of several shards for each query, if all is known of them; where not, what to ask which shard about.</summary>
    /// <param name="shards">What the shards have answered.</param>
    /// <param name="queries">Number of queries.</param>
    /// <param name="k">Hits per query.</param>
    public static (Hit[][]? Hits, (ShardFindings Shard, int[][] Calls)[] Unknown) Merge(
        IReadOnlyList<ShardFindings> shards, int queries, int k)
    {
        var taken = new int[queries][];
        var unknown = shards.Select(_ => new HashSet<int>()).ToArray();
        for (var q = 0; q < queries; q++)
        {
            var query = q;
            (taken[query], var open) = TopK.Cut(
                [.. shards.Select(shard => shard.ScoresOf(query))], k, (list, place) => shards[list].IdAt(query, place));
            foreach (var (list, places) in open) unknown[list].UnionWith(shards[list].UnknownAt(query, places));
            for (var list = 0; list < shards.Count; list++) unknown[list].UnionWith(shards[list].UnknownAt(query, ..taken[query][list]));
        }

        return unknown.All(rows => rows.Count == 0)
            ? ([.. taken.Select((counts, query) => Hits(shards, query, counts, k))], [])
            : (null, [.. shards.Zip(unknown, (shard, rows) => (shard, rows.Order().Chunk(RowsPerCall).ToArray())).Where(part => part.Item2.Length > 0)]);
    }

    private static Hit[] Hits(IReadOnlyList<ShardFindings> shards, int query, int[] taken, int k)
    {
        SearchHit[][] lists = [.. shards.Select((shard, list) => shard.HitsOf(query, taken[list]))];
        return Array.ConvertAll(TopK.Merge(lists, k), best => shards[best.List].Describe(best.Hit));
    }

    private float[] ScoresOf(int query) => answer.Scores[query];

    private string? IdAt(int query, int place) => _items.GetValueOrDefault(answer.Rows[query][place])?.Id;

    private IEnumerable<int> UnknownAt(int query, Range places) =>
        new ArraySegment<int>(answer.Rows[query])[places].Where(row => !_items.ContainsKey(row));

    private SearchHit[] HitsOf(int query, int count)
    {
        var hits = new SearchHit[count];
        for (var place = 0; place < count; place++)
        {
            var row = answer.Rows[query][place];
            hits[place] = new SearchHit(_items[row].Id, answer.Scores[query][place], row);
        }

        return hits;
    }

    private Hit Describe(SearchHit hit) => new(hit.Id, shard.Modality, hit.Score, _items[hit.Row].Metadata);
}
