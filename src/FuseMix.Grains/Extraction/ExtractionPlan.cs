using FuseMix.Contracts.Extraction;
using FuseMix.Data.Datasets;
using FuseMix.Data.Latents;
using FuseMix.Encoders.Packs;
using FuseMix.Grains.Home;

namespace FuseMix.Grains.Extraction;

/// <summary>The shards of one extraction: which wait, and how much stands in the latent store. It is counted on shard by shard.</summary>
internal sealed class ExtractionPlan
{
    private readonly LatentSet _set;
    private readonly HashSet<int> _pending;
    private readonly SortedSet<int> _waiting;

    private ExtractionPlan(EncoderPack encoder, LatentSet set)
    {
        (Encoder, _set) = (encoder, set);
        var (status, pending) = set.Progress();
        (ItemCount, ShardCount) = (status.Items, status.Shards);
        ItemsFailed = status.Failures.Count;
        ItemsFound = ItemsCommitted = status.Rows + ItemsFailed;
        _pending = [.. pending];
        _waiting = [.. pending];
    }

    public EncoderPack Encoder { get; }

    public int ItemCount { get; }

    public int ItemsCommitted { get; private set; }

    /// <summary>Items that were committed when the plan was made.</summary>
    public int ItemsFound { get; }

    public int ItemsFailed { get; private set; }

    public int ShardCount { get; }

    /// <summary>Shards that nobody has committed.</summary>
    public int PendingCount => _pending.Count;

    /// <summary>Refuses what can be told without reading the items: unknown names, a dataset with nothing for the encoder.</summary>
    /// <exception cref="FuseMixException">It cannot be extracted.</exception>
    public static void Require(ExtractionRequest request, DatasetStore datasets, EncoderPackStore packs)
    {
        var pack = packs.Load(request.Encoder);
        var items = datasets.Describe(request.Dataset).Items;
        if (items.All(count => count.Modality != pack.Definition.Modality)) throw Nothing(request, pack, items.Select(count => count.Modality));
    }

    /// <summary>Reads the dataset, plans what is not planned yet, and looks at what is committed. Blocks the calling thread, for minutes
    /// where there are
    /// millions of items.</summary>
    /// <exception cref="FuseMixException">It cannot be extracted.</exception>
    public static ExtractionPlan Make(
        ExtractionRequest request, DatasetCache datasets, EncoderPackStore packs, LatentStore latents, int itemsPerShard, CancellationToken cancellation)
    {
        var pack = packs.Load(request.Encoder);
        var dataset = datasets.Get(request.Dataset);
        cancellation.ThrowIfCancellationRequested();
        var modality = pack.Definition.Modality;
        if (dataset.ItemsOf(modality).Count == 0) throw Nothing(request, pack, dataset.Items.Select(item => item.Modality).Distinct());
        var plan = LatentPlan.Of(dataset, modality, pack.Name, pack.Fingerprint, pack.Definition.Latent.Dimension);
        return new ExtractionPlan(pack, latents.OpenOrCreate(plan with { ShardSize = itemsPerShard }, cancellation));
    }

    /// <summary>Takes the first shard that waits; null where none does.</summary>
    public int? Take()
    {
        if (_waiting.Count == 0) return null;
        var shard = _waiting.Min;
        _waiting.Remove(shard);
        return shard;
    }

    /// <summary>A shard that was taken waits again, unless it is committed.</summary>
    public void PutBack(int shard)
    {
        if (_pending.Contains(shard)) _waiting.Add(shard);
    }

    /// <summary>The items of a shard, in order. Reads a file: not for a grain's turn.</summary>
    public IReadOnlyList<string> ItemIds(int shard) => _set.ItemIds(shard);

    /// <summary>What stands in the store of a shard; null where nothing does. Reads a file: not for a grain's turn.</summary>
    public ShardCommit? Look(int shard) => _set.Committed(shard);

    /// <summary>Counts a shard that stands in the store, once.</summary>
    public void Count(int shard, ShardCommit commit)
    {
        if (!_pending.Remove(shard)) return;
        _waiting.Remove(shard);
        ItemsCommitted += commit.Rows + commit.Failures.Count;
        ItemsFailed += commit.Failures.Count;
    }

    private static FuseMixException Nothing(ExtractionRequest request, EncoderPack pack, IEnumerable<Modality> has) => new(
        FailureKind.Invalid,
        $"Dataset '{request.Dataset}' has no {pack.Definition.Modality.Word()} items for encoder '{pack.Name}'.",
        $"It has: {string.Join(", ", has.Select(modality => modality.Word()))}.");
}
