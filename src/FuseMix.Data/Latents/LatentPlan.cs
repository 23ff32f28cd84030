using System.Text;
using FuseMix.Data.Datasets;

namespace FuseMix.Data.Latents;

/// <summary>How latents are stored.</summary>
public enum LatentDtype
{
    /// <summary>Half precision: magnitudes up to 65,504, 11 bits.</summary>
    F16,

    /// <summary>Single precision.</summary>
    F32,
}

/// <summary>One item to extract, with what tells whether it is still the same.</summary>
/// <param name="Id">The dataset item's id.</param>
/// <param name="Content">Changes with the item's content: its SHA-256.</param>
public readonly record struct LatentItem(string Id, string Content);

/// <summary>What a latent set is to hold: every item of one modality of a dataset, by one encoder.</summary>
public sealed record LatentPlan
{
    /// <summary>The dataset's name.</summary>
    public required string Dataset { get; init; }

    /// <summary>The dataset's fingerprint.</summary>
    public required Fingerprint DatasetFingerprint { get; init; }

    /// <summary>The encoder's name.</summary>
    public required string Encoder { get; init; }

    /// <summary>The encoder pack's fingerprint: another one is another latent set.</summary>
    public required Fingerprint EncoderFingerprint { get; init; }

    /// <summary>Values per latent, at least 1.</summary>
    public required int Dimension { get; init; }

    /// <summary>How they are stored.</summary>
    public LatentDtype Dtype { get; init; } = LatentDtype.F16;

    /// <summary>Items per shard, at least 1: how much a crash may lose, and how much one lease covers.</summary>
    public int ShardSize { get; init; } = 1024;

    /// <summary>Every item, in the order in which rows shall stand.</summary>
    public required IReadOnlyList<LatentItem> Items { get; init; }

    /// <summary>The plan for all items of one modality of a dataset.</summary>
    public static LatentPlan Of(Dataset dataset, Modality modality, string encoder, Fingerprint encoderFingerprint, int dimension) => new()
    {
        Dataset = dataset.Name,
        DatasetFingerprint = dataset.Fingerprint,
        Encoder = encoder,
        EncoderFingerprint = encoderFingerprint,
        Dimension = dimension,
        Items = [.. dataset.ItemsOf(modality).Select(i => new LatentItem(i.Id, i.Sha256))],
    };

    internal LatentPlan Checked()
    {
        ResourceName.Require(Dataset, "dataset");
        ResourceName.Require(Encoder, "encoder");
        if (Dimension < 1) throw Invalid($"a dimension of {Dimension}");
        if (ShardSize < 1) throw Invalid($"{ShardSize} items per shard");
        if (Items.Count == 0) throw Invalid("no items");
        foreach (var item in Items)
            if (!DatasetItem.IsValidId(item.Id)) throw Invalid($"the item id '{item.Id}', which is not valid");
        return new ItemIndex(Items).FindDuplicate() is { } twice ? throw Invalid($"item '{twice}' twice") : this;
    }

    /// <summary>Changes with any item of a shard, its content and its place.</summary>
    internal static string HashOf(IEnumerable<LatentItem> items)
    {
        var text = new StringBuilder();
        foreach (var item in items) text.Append(item.Id).Append('\n').Append(item.Content).Append('\n');
        return Fingerprint.Of(text.ToString()).Hex;
    }

    private FuseMixException Invalid(string what) => new(
        FailureKind.Invalid,
        $"Latents of dataset '{Dataset}' by encoder '{Encoder}' were planned with {what}.");
}
