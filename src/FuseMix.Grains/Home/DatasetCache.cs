using FuseMix.Data.Datasets;

namespace FuseMix.Grains.Home;

/// <summary>The datasets that this node has used lately, read once per change on disk.</summary>
public sealed class DatasetCache(DatasetStore datasets)
{
    private const int Kept = 4;
    private readonly Lock _gate = new();
    private readonly LinkedList<(string Name, Fingerprint Fingerprint, Dataset Dataset)> _recent = [];

    /// <summary>The dataset of that name as it stands on disk.</summary>
    /// <exception cref="FuseMixException">Unknown, or its files are damaged.</exception>
    public Dataset Get(string name)
    {
        var fingerprint = datasets.Describe(name).Fingerprint;
        lock (_gate)
        {
            for (var node = _recent.First; node is not null; node = node.Next)
            {
                if (node.Value.Name != name || node.Value.Fingerprint != fingerprint) continue;
                _recent.Remove(node);
                _recent.AddFirst(node);
                return node.Value.Dataset;
            }
        }

        var loaded = datasets.Load(name);
        lock (_gate)
        {
            _recent.AddFirst((name, loaded.Fingerprint, loaded));
            while (_recent.Count > Kept) _recent.RemoveLast();
        }

        return loaded;
    }
}
