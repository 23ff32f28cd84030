using FuseMix.Contracts.Collections;
using FuseMix.Grains.Cluster;
using FuseMix.Grains.Placement;
using FuseMix.Retrieval.Generations;
using FuseMix.Retrieval.Search;
using FuseMix.Retrieval.Shards;
using Microsoft.Extensions.Logging;
using Orleans;
using Orleans.Runtime;

namespace FuseMix.Grains.Collections;

[IndexPlacement]
[GrainType("indexshard")]
internal sealed partial class IndexShardGrain(
    CollectionStore collections,
    ShardPlacement placement,
    NodeOptions options,
    IndexMetrics metrics,
    ILogger<IndexShardGrain> logger) : Grain, IIndexShardGrain
{
    private IndexShard _shard = null!;

    public override async Task OnActivateAsync(CancellationToken cancellationToken)
    {
        var key = IndexShardKey.Parse(this.GetPrimaryKeyString());
        _shard = await Task.Run(
            () => collections.OpenShard(collections.Manifest(key.Collection, key.Generation), key.Shard), cancellationToken);
        metrics.Opened(_shard.Count);
        this.RegisterGrainTimer(
            () => Balance(key), new GrainTimerCreationOptions(options.BalanceEvery, options.BalanceEvery) { Interleave = true });
    }

    public override Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        if (_shard is null) return Task.CompletedTask;
        metrics.Closed(_shard.Count);
        _shard.Dispose();
        return Task.CompletedTask;
    }

    public Task<ShardAnswer> Search(ShardQuery query) => Task.Run(() =>
    {
        var found = _shard.SearchRows(query.Embeddings, query.Count, new SearchOptions
        {
            K = query.K,
            MinScore = query.MinScore,
            Filter = query.Filter is { } filter
                ? new MetadataFilter(filter.ToDictionary(f => f.Key, f => (IReadOnlyCollection<string>)f.Value))
                : null,
            Exclude = query.Exclude,
            Threads = Math.Min(options.Threads, SearchOptions.MaxThreads),
        });
        var items = query.Describe ? Array.ConvertAll([.. found.SelectMany(rows => rows.Rows).Distinct()], Item) : null;
        return new ShardAnswer(Array.ConvertAll(found, rows => rows.Rows), Array.ConvertAll(found, rows => rows.Scores), items);
    });

    public Task<ShardItem[]> Describe(int[] rows) => Task.Run(() => Array.ConvertAll(rows, Item));

    public Task<float[]?> Embedding(string itemId) => Task.FromResult(_shard.TryGetEmbedding(itemId, out var embedding) ? embedding : null);

    /// <summary>Makes room where the shard belongs to another node: the next search finds it there, and those in hand end here.</summary>
    private Task Balance(IndexShardKey key)
    {
        if (!placement.IsHere(key))
        {
            LogMoves(key);
            metrics.Moved();
            DeactivateOnIdle();
        }

        return Task.CompletedTask;
    }

    private ShardItem Item(int row) => (uint)row < (uint)_shard.Count
        ? new ShardItem(row, _shard.Id(row), new Dictionary<string, string>(_shard.Metadata(row)))
        : throw new FuseMixException(
            FailureKind.Invalid, $"Shard '{_shard.Name}' has no row {row}.", $"Ask about rows 0 to {_shard.Count - 1}.");

    [LoggerMessage(3101, LogLevel.Information, "Index shard {Shard} moves to the node that it belongs to now")]
    private partial void LogMoves(IndexShardKey shard);
}
