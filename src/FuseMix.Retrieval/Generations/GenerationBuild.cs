using FuseMix.Retrieval.Shards;
using FuseMix.Storage;

namespace FuseMix.Retrieval.Generations;

/// <summary>A generation under construction: nobody sees it until <see cref="Commit"/>. Disposed without that, it is garbage.</summary>
/// <remarks>Shards may be written by several threads at once.</remarks>
public sealed class GenerationBuild : IDisposable
{
    internal const string LockFile = ".build.lock";
    private readonly CollectionStore _store;
    private readonly GenerationSpec _spec;
    private readonly FileLock _building;
    private readonly Lock _gate = new();
    private readonly SortedDictionary<string, ShardEntry> _shards = new(StringComparer.Ordinal);
    private bool _ended;

    internal GenerationBuild(CollectionStore store, string collection, string generation, GenerationSpec spec, FileLock building) =>
        (_store, Collection, Generation, _spec, _building) = (store, collection, generation, spec, building);

    /// <summary>The collection's name.</summary>
    public string Collection { get; }

    /// <summary>The new generation's id.</summary>
    public string Generation { get; }

    /// <summary>Writes one shard durably; writing a shard of the same name again replaces it.</summary>
    /// <param name="shard">The shard's name.</param>
    /// <param name="modality">What the items are.</param>
    /// <param name="items">The items, at least one.</param>
    /// <exception cref="FuseMixException">An item cannot be indexed (see <see cref="ShardWriter.Add(IndexItem)"/>), or the disk
    /// fails.</exception>
    public ShardEntry Write(string shard, Modality modality, IEnumerable<IndexItem> items)
    {
        ObjectDisposedException.ThrowIf(_ended, this);
        var writer = new ShardWriter(Generation, shard, modality, _spec.Dimension, _spec.Columns);
        foreach (var item in items) writer.Add(item);
        var file = shard + ShardFormat.Extension;
        var checksum = writer.Write(Path.Combine(_store.FolderOf(Collection, Generation), file));
        var entry = new ShardEntry(shard, file, modality, writer.Count, checksum.Hex);
        lock (_gate) _shards[shard] = entry;
        return entry;
    }

    /// <summary>Makes the generation durable and, unless told otherwise, the one that searches see from now on.</summary>
    /// <param name="makeLive">False to leave the live generation as it is.</param>
    /// <exception cref="FuseMixException">No shard was written, or the disk fails.</exception>
    public GenerationManifest Commit(bool makeLive = true)
    {
        ObjectDisposedException.ThrowIf(_ended, this);
        if (_shards.Count == 0)
        {
            throw new FuseMixException(
                FailureKind.Invalid,
                $"Generation '{Generation}' of collection '{Collection}' has no shards.",
                "Add items before it is committed.");
        }

        var manifest = new GenerationManifest(
            Collection, Generation, _spec.Model, _spec.ModelFingerprint.Hex, _spec.Dimension, _spec.Columns, [.. _shards.Values],
            _store.Now)
        {
            Origin = _spec.Origin,
            Encoders = _spec.Encoders,
        };
        _store.Enter(manifest);
        if (makeLive) _store.MakeLive(Collection, Generation);
        Dispose();
        return manifest;
    }

    /// <summary>Ends the build; without <see cref="Commit"/> what it wrote is garbage for
    /// <see cref="CollectionStore.CollectGarbage"/>.</summary>
    public void Dispose()
    {
        _ended = true;
        _building.Dispose();
    }
}
