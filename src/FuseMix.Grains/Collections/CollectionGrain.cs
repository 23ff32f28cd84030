using System.Diagnostics.CodeAnalysis;
using FuseMix.Contracts.Collections;
using FuseMix.Retrieval.Generations;
using Microsoft.Extensions.Logging;
using Orleans;

namespace FuseMix.Grains.Collections;

internal sealed partial class CollectionGrain(CollectionStore collections, CollectionBuilder builder, ILogger<CollectionGrain> logger)
    : Grain, ICollectionGrain
{
    /// <summary>Generations to keep beside the live one, for rolling back.</summary>
    private const int Kept = 2;

    private CollectionStatus? _status;
    private int _changes;

    private string Name => this.GetPrimaryKeyString();

    public async Task<CollectionStatus> Build(CollectionBuild request)
    {
        _ = ResourceName.Require(Name, "collection");
        var (manifest, reused) = await Task.Run(() => builder.Build(Name, request));
        if (!reused)
        {
            LogBuilt(Name, manifest.Generation, manifest.Count);
            await Task.Run(() => collections.CollectGarbage(Name, Kept));
        }

        return Remember(await Task.Run(() => Describe(manifest)) with { Reused = reused });
    }

    public async Task<CollectionStatus> Status()
    {
        while (true)
        {
            // Every change goes through this grain, so what it remembers is what is live.
            if (_status is { } known) return known;
            var changes = _changes;
            var found = await Task.Run(() => Describe(Live()));

            // It interleaves with changes: what was read before one of them must not be remembered after it.
            if (changes == _changes) return _status = found;
        }
    }

    public async Task<CollectionStatus> RollBack() => Remember(await Task.Run(() => Describe(collections.RollBack(Name))));

    public async Task Drop()
    {
        Remember(null);

        // Safe to repeat: what is gone need not be dropped again.
        await Task.Run(() =>
        {
            if (collections.Collections().Contains(Name)) collections.Drop(Name);
        });
        Remember(null);
    }

    [return: NotNullIfNotNull(nameof(status))]
    private CollectionStatus? Remember(CollectionStatus? status)
    {
        _changes++;
        return _status = status;
    }

    private GenerationManifest Live() => collections.Live(Name)
        ?? throw new FuseMixException(FailureKind.Conflict, $"Collection '{Name}' has no live generation.", $"Build one: fusemix collections build {Name}.");

    private CollectionStatus Describe(GenerationManifest manifest) => new(
        Name,
        manifest.Generation,
        manifest.Model,
        manifest.ModelFingerprint,
        manifest.Origin.GetValueOrDefault(CollectionBuilder.DatasetOrigin, ""),
        manifest.Dimension,
        [.. manifest.Shards.Select(shard => new ShardStatus(shard.Name, shard.Modality, shard.Count))],
        [.. collections.List(Name).Select(generation => generation.Generation)],
        Reused: false);

    [LoggerMessage(3001, LogLevel.Information, "Collection {Collection} has the live generation {Generation} with {Count} items")]
    private partial void LogBuilt(string collection, string generation, long count);
}
