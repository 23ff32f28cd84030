using FuseMix.Retrieval.Shards;

namespace FuseMix.Retrieval.Search;

/// <summary>The order of results: score descending, then id ascending by code point.</summary>
public static class TopK
{
    /// <summary>Compares two results; the better one is the lesser.</summary>
    public static IComparer<SearchHit> Order { get; } = Comparer<SearchHit>.Create(
        (a, b) => a.Score != b.Score ? b.Score.CompareTo(a.Score) : IdOrder.Instance.Compare(a.Id, b.Id));

    /// <summary>The best <paramref name="k"/> of several lists that are each in <see cref="Order"/>; of equal results the earlier list's comes first.</summary>
    /// <param name="lists">One list per shard.</param>
    /// <param name="k">At least 1.</param>
    /// <returns>The results with the number of the list each came from, in <see cref="Order"/>.</returns>
    public static (int List, SearchHit Hit)[] Merge(IReadOnlyList<IReadOnlyList<SearchHit>> lists, int k)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(k, 1);
        var heads = new PriorityQueue<(int List, int Place), (SearchHit Hit, int List)>(
            lists.Count, Comparer<(SearchHit Hit, int List)>.Create((a, b) => Order.Compare(a.Hit, b.Hit) is var order and not 0 ? order : a.List.CompareTo(b.List)));
        for (var list = 0; list < lists.Count; list++)
        {
            if (lists[list].Count > 0) heads.Enqueue((list, 0), (lists[list][0], list));
        }

        var merged = new List<(int, SearchHit)>(Math.Min(k, lists.Sum(l => l.Count)));
        while (merged.Count < k && heads.TryDequeue(out var head, out var best))
        {
            merged.Add((head.List, best.Hit));
            if (head.Place + 1 < lists[head.List].Count) heads.Enqueue((head.List, head.Place + 1), (lists[head.List][head.Place + 1], head.List));
        }

        return [.. merged];
    }
}
