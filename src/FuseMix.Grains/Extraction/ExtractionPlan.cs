using FuseMix.Contracts.Extraction;
using FuseMix.Data.Latents;
using FuseMix.Encoders.Packs;
using FuseMix.Grains.Nodes;

namespace FuseMix.Grains.Extraction;

/// <summary>The shards of one extraction and which of them stand in the latent store.</summary>
internal sealed class ExtractionPlan
{
    private readonly LatentSet _set;
    private LatentSetStatus _status;
    private IReadOnlyList<PendingShard> _pending;

    private ExtractionPlan(EncoderPack encoder, LatentSet set)
    {
        (Encoder, _set) = (encoder, set);
        (_status, _pending) = (set.Status(), set.PendingShards());
        ItemsFound = ItemsCommitted;
    }

    public EncoderPack Encoder { get; }

    public int ItemCount => _status.Items;

    public int ItemsCommitted => _status.Rows + _status.Failures.Count;

    /// <summary>Items that were committed when the plan was made.</summary>
    public int ItemsFound { get; }

    public int ItemsFailed => _status.Failures.Count;

    public int ShardCount => _status.Shards;

    /// <summary>Indices of the shards that nobody has committed, in order.</summary>
    public IEnumerable<int> Pending => _pending.Select(shard => shard.Index);

    public int PendingCount => _pending.Count;

    public static ExtractionPlan Make(
        ExtractionRequest request, DatasetCache datasets, EncoderPackStore packs, LatentStore latents, int itemsPerShard)
    {
        var pack = packs.Load(request.Encoder);
        return new ExtractionPlan(pack, Open(request, datasets, pack, latents, itemsPerShard));
    }

    /// <summary>The latent set of a request, planned where it is not yet.</summary>
    public static LatentSet Open(ExtractionRequest request, DatasetCache datasets, EncoderPack pack, LatentStore latents, int itemsPerShard)
    {
        var dataset = datasets.Get(request.Dataset);
        var modality = pack.Definition.Modality;
        if (dataset.ItemsOf(modality).Count == 0)
        {
            throw new FuseMixException(
                FailureKind.Invalid,
                $"Dataset '{dataset.Name}' has no {modality} items for encoder '{pack.Name}'.",
                $"It has: {string.Join(", ", dataset.Items.Select(item => item.Modality).Distinct())}.");
        }

        var plan = LatentPlan.Of(dataset, modality, pack.Name, pack.Fingerprint, pack.Definition.Latent.Dimension);
        return latents.OpenOrCreate(plan with { ShardSize = itemsPerShard });
    }

    public IReadOnlyList<string> ItemIds(int shard) => _pending.First(pending => pending.Index == shard).Ids;

    /// <summary>Looks at the store again.</summary>
    public void Refresh() => (_status, _pending) = (_set.Status(), _set.PendingShards());
}
