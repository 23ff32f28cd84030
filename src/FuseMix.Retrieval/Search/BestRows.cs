namespace FuseMix.Retrieval.Search;

/// <summary>The best k of the exact scores seen so far, ties decided by the rows' place in the order of ids.</summary>
internal sealed class BestRows(int k, int[] rankOfRow)
{
    private readonly List<(float Score, int Row)> _heap = new(Math.Min(k, 1024));

    public bool IsFull => _heap.Count == k;

    /// <summary>The least score that is still among the best; only of use when full.</summary>
    public float Least => _heap[0].Score;

    public void Offer(float score, int row)
    {
        if (_heap.Count < k)
        {
            _heap.Add((score, row));
            var at = _heap.Count - 1;
            while (at > 0 && IsWorse((score, row), _heap[(at - 1) / 2]))
            {
                _heap[at] = _heap[(at - 1) / 2];
                at = (at - 1) / 2;
            }

            _heap[at] = (score, row);
        }
        else if (IsWorse(_heap[0], (score, row)))
        {
            Replace((score, row));
        }
    }

    public (float Score, int Row)[] InOrder()
    {
        var all = _heap.ToArray();
        Array.Sort(all, (a, b) => IsWorse(b, a) ? -1 : IsWorse(a, b) ? 1 : 0);
        return all;
    }

    private void Replace((float Score, int Row) entry)
    {
        var at = 0;
        while (true)
        {
            var child = (2 * at) + 1;
            if (child >= _heap.Count) break;
            if (child + 1 < _heap.Count && IsWorse(_heap[child + 1], _heap[child])) child++;
            if (!IsWorse(_heap[child], entry)) break;
            _heap[at] = _heap[child];
            at = child;
        }

        _heap[at] = entry;
    }

    private bool IsWorse((float Score, int Row) a, (float Score, int Row) b) =>
        a.Score < b.Score || (a.Score == b.Score && rankOfRow[a.Row] > rankOfRow[b.Row]);
}
