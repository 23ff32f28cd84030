namespace FuseMix.Data.Latents;

/// <summary>Finds items by their id, in twelve bytes an item: a dictionary of ten million ids would take more memory than the work
/// itself.</summary>
internal sealed class ItemIndex
{
    private readonly IReadOnlyList<LatentItem> _items;
    private readonly ulong[] _hashes;
    private readonly int[] _places;

    public ItemIndex(IReadOnlyList<LatentItem> items)
    {
        _items = items;
        _hashes = new ulong[items.Count];
        _places = new int[items.Count];
        for (var place = 0; place < _hashes.Length; place++) (_hashes[place], _places[place]) = (HashOf(items[place].Id), place);
        Array.Sort(_hashes, _places);
    }

    /// <summary>An id that two items have; null where there is none.</summary>
    public string? FindDuplicate()
    {
        for (int first = 0, end; first < _hashes.Length; first = end)
        {
            for (end = first + 1; end < _hashes.Length && _hashes[end] == _hashes[first];) end++;
            if (end - first == 1) continue;
            var seen = new HashSet<string>(StringComparer.Ordinal);
            for (var i = first; i < end; i++)
                if (!seen.Add(_items[_places[i]].Id)) return _items[_places[i]].Id;
        }

        return null;
    }

    /// <summary>The place of the item with an id; null where there is none.</summary>
    public int? Find(string id)
    {
        var hash = HashOf(id);
        var at = Array.BinarySearch(_hashes, hash);
        if (at < 0) return null;
        while (at > 0 && _hashes[at - 1] == hash) at--;
        for (; at < _hashes.Length && _hashes[at] == hash; at++)
            if (_items[_places[at]].Id == id) return _places[at];
        return null;
    }

    /// <summary>FNV-1a over the characters, stirred once more: only its spread counts, since whoever has the same one is compared
    /// whole.</summary>
    private static ulong HashOf(string id)
    {
        var hash = 14695981039346656037UL;
        foreach (var character in id) hash = (hash ^ character) * 1099511628211UL;
        return hash ^ (hash >> 32);
    }
}
