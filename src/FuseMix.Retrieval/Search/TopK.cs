using FuseMix.Retrieval.Shards;

namespace FuseMix.Retrieval.Search;

/// <summary>The order of results: score descending, then id ascending by code point.</summary>
public static class TopK
{
    /// <summary>Fewest ids to ask a shard for where they have to break a tie.</summary>
    private const int LeastAsked = 16;

    /// <summary>Compares two results; the better one is the lesser.</summary>
    public static IComparer<SearchHit> Order { get; } = Comparer<SearchHit>.Create(
        (a, b) => a.Score != b.Score ? b.Score.CompareTo(a.Score) : IdOrder.Instance.Compare(a.Id, b.Id));

    /// <summary>The best <paramref name="k"/> of several lists that are each in <see cref="Order"/>; of equal results the earlier list's
    /// comes first.</summary>
    /// <param name="lists">One list per shard.</param>
    /// <param name="k">At least 1.</param>
    /// <returns>The results with the number of the list each came from, in <see cref="Order"/>.</returns>
    public static (int List, SearchHit Hit)[] Merge(IReadOnlyList<IReadOnlyList<SearchHit>> lists, int k)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(k, 1);
        var heads = new PriorityQueue<(int List, int Place), (SearchHit Hit, int List)>(
            lists.Count,
            Comparer<(SearchHit Hit, int List)>.Create(
                (a, b) => Order.Compare(a.Hit, b.Hit) is var order and not 0 ? order : a.List.CompareTo(b.List)));
        for (var list = 0; list < lists.Count; list++)
        {
            if (lists[list].Count > 0) heads.Enqueue((list, 0), (lists[list][0], list));
        }

        var merged = new List<(int, SearchHit)>(Math.Min(k, lists.Sum(l => l.Count)));
        while (merged.Count < k && heads.TryDequeue(out var head, out var best))
        {
            merged.Add((head.List, best.Hit));
            if (head.Place + 1 < lists[head.List].Count)
                heads.Enqueue((head.List, head.Place + 1), (lists[head.List][head.Place + 1], head.List));
        }

        return [.. merged];
    }

    /// <summary>How many of each list are among the best <paramref name="k"/> of all, when ids are still with the shards: the lists'
    /// results up to there are those that <see cref="Merge"/> would give. Ids are asked for only where lists tie for the last places, and
    /// only so many as may decide.</summary>
    /// <param name="scores">The scores of each list, falling, ties by id.</param>
    /// <param name="k">At least 1.</param>
    /// <param name="idOf">The id at a place of a list; null where it is not known.</param>
    /// <returns>Of each list, how many are surely among the best; and the places whose ids must be known for more to be: none where that is
    /// all.</returns>
    public static (int[] Taken, (int List, Range Places)[] Open) Cut(IReadOnlyList<float[]> scores, int k, Func<int, int, string?> idOf)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(k, 1);
        var taken = new int[scores.Count];
        var left = k;
        var tied = new List<(int List, int End)>(scores.Count);
        while (left > 0)
        {
            // The lists that go on with the best score there is, and how far they have it.
            var best = float.NegativeInfinity;
            tied.Clear();
            for (var list = 0; list < taken.Length; list++)
            {
                if (taken[list] == scores[list].Length || scores[list][taken[list]] < best) continue;
                if (scores[list][taken[list]] > best) tied.Clear();
                best = scores[list][taken[list]];
                tied.Add((list, taken[list] + 1));
            }

            if (tied.Count == 0) break;
            var all = 0;
            for (var i = 0; i < tied.Count; i++)
            {
                var (list, end) = tied[i];
                while (end < scores[list].Length && end - taken[list] < left && scores[list][end] == best) end++;
                tied[i] = (list, end);
                all += end - taken[list];
            }

            if (all > left) return (taken, BreakTie(taken, tied, left, idOf));
            foreach (var (list, end) in tied) taken[list] = end;
            left -= all;
        }

        return (taken, []);
    }

    private static (int List, Range Places)[] BreakTie(int[] taken, List<(int List, int End)> tied, int left, Func<int, int, string?> idOf)
    {
        var page = Math.Max(LeastAsked, 2 * left / tied.Count);
        var heads = new PriorityQueue<(int List, int Start, int End), (string Id, int List)>(
            tied.Count,
            Comparer<(string Id, int List)>.Create(
                (a, b) => IdOrder.Instance.Compare(a.Id, b.Id) is var order and not 0 ? order : a.List.CompareTo(b.List)));
        var open = new List<(int, Range)>();
        foreach (var (list, end) in tied) Enter((list, taken[list], end));
        for (; left > 0 && open.Count == 0; left--)
        {
            var (list, start, end) = heads.Dequeue();
            if (++taken[list] < end && left > 1) Enter((list, start, end));
        }

        return [.. open];

        void Enter((int List, int Start, int End) tie)
        {
            var next = taken[tie.List];
            if (idOf(tie.List, next) is { } id)
            {
                heads.Enqueue(tie, (id, tie.List));
                return;
            }

            // As many again as have won already: a list that wins them all is asked few times.
            open.Add((tie.List, next..Math.Min(tie.End, next + Math.Max(page, next - tie.Start))));
        }
    }
}
