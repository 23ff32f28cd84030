using FuseMix.Storage;

namespace FuseMix.Data.Latents;

/// <summary>Every latent set of a home folder: <c>latents/&lt;dataset&gt;/&lt;encoder&gt;/&lt;fingerprint&gt;/</c>.</summary>
public sealed class LatentStore(FuseMixHome home)
{
    /// <summary>Opens the latent set that a plan describes for writing; makes it where it is missing; repeats are harmless.</summary>
    /// <remarks>
    /// If the dataset changed since, shards whose items all stayed as they were keep their latents; only the others are planned
    /// anew. What a writer that died left behind is removed.
    /// </remarks>
    /// <param name="plan">What the set is to hold.</param>
    /// <param name="cancellation">Ends the planning between two shards; the set is as it was then.</param>
    /// <exception cref="FuseMixException">The plan is not valid, or contradicts the stored set in dimension or dtype.</exception>
    public LatentSet OpenOrCreate(LatentPlan plan, CancellationToken cancellation = default) => LatentSet.OpenOrCreate(
        FolderOf(plan.Checked().Dataset, plan.Encoder, plan.EncoderFingerprint),
        plan,
        cancellation);

    /// <summary>Opens a latent set for writing as it was planned. Waits for nobody.</summary>
    /// <exception cref="FuseMixException">There is none, or its plan is damaged.</exception>
    public LatentSet Open(string dataset, string encoder, Fingerprint encoderFingerprint) =>
        LatentSet.Open(FolderOf(dataset, encoder, encoderFingerprint));

    /// <summary>Opens a latent set for reading.</summary>
    /// <param name="dataset">The dataset's name.</param>
    /// <param name="encoder">The encoder's name.</param>
    /// <param name="encoderFingerprint">The encoder pack's fingerprint.</param>
    /// <param name="reading">Whether to verify checksums, and whether to accept a set that is not complete.</param>
    /// <exception cref="FuseMixException">There is none, it is not complete, or a shard is damaged; the message names it.</exception>
    public LatentReader OpenRead(
        string dataset,
        string encoder,
        Fingerprint encoderFingerprint,
        LatentReading reading = LatentReading.Default)
    {
        var folder = FolderOf(dataset, encoder, encoderFingerprint);
        if (!File.Exists(Path.Combine(folder, LatentManifest.FileName)))
        {
            throw new FuseMixException(
                FailureKind.NotFound,
                $"Dataset '{dataset}' has no latents of encoder '{encoder}' ({encoderFingerprint.Short}).",
                $"Run 'fusemix extract {dataset} {encoder}'.");
        }

        return LatentReader.Open(folder, encoderFingerprint, reading);
    }

    /// <summary>Whether there are latents of a dataset by an encoder of that name, whatever its fingerprint, complete or not.</summary>
    public bool Contains(string dataset, string encoder) => Directory.Exists(Path.Combine(
        home.Latents, ResourceName.Require(dataset, "dataset"), ResourceName.Require(encoder, "encoder")));

    /// <summary>How far the extraction of a latent set is; null where there is none.</summary>
    public LatentSetStatus? Status(string dataset, string encoder, Fingerprint encoderFingerprint)
    {
        var folder = FolderOf(dataset, encoder, encoderFingerprint);
        return File.Exists(Path.Combine(folder, LatentManifest.FileName)) ? LatentSet.Open(folder).Status() : null;
    }

    /// <summary>What is wrong with the files of a latent set, each of which is read through; nothing where all are whole.</summary>
    /// <exception cref="FuseMixException">There is no such set, or its plan is damaged.</exception>
    public IReadOnlyList<FuseMixException> Damage(string dataset, string encoder, Fingerprint encoderFingerprint)
    {
        var plan = StoredPlan.Read(FolderOf(dataset, encoder, encoderFingerprint));
        plan.VerifyIds();
        return [.. plan.Examine(afresh: true).Select(shard => shard.Damage).OfType<FuseMixException>()];
    }

    /// <summary>Every latent set, by dataset, encoder and fingerprint.</summary>
    public IReadOnlyList<LatentSetStatus> List() => In(home.Latents, depth: 3);

    /// <summary>Every latent set of a dataset, by encoder and fingerprint.</summary>
    public IReadOnlyList<LatentSetStatus> List(string dataset) =>
        In(Path.Combine(home.Latents, ResourceName.Require(dataset, "dataset")), depth: 2);

    private static IReadOnlyList<LatentSetStatus> In(string folder, int depth) => Directory.Exists(folder)
        ? [.. Directory.EnumerateFiles(
            folder,
            LatentManifest.FileName,
            new EnumerationOptions { RecurseSubdirectories = true, MaxRecursionDepth = depth, AttributesToSkip = 0 })
            .Order(StringComparer.Ordinal)
            .Select(path => LatentSet.Open(Path.GetDirectoryName(path)!).Status())]
        : [];

    private string FolderOf(string dataset, string encoder, Fingerprint fingerprint) => Path.Combine(
        home.Latents,
        ResourceName.Require(dataset, "dataset"),
        ResourceName.Require(encoder, "encoder"),
        fingerprint.Short);
}

/// <summary>How far a latent set is.</summary>
/// <param name="Dataset">The dataset's name.</param>
/// <param name="DatasetFingerprint">The dataset as it was when the set was planned.</param>
/// <param name="Encoder">The encoder's name.</param>
/// <param name="EncoderFingerprint">The encoder pack's fingerprint.</param>
/// <param name="Dimension">Values per latent.</param>
/// <param name="Dtype">How they are stored.</param>
/// <param name="Items">Planned items.</param>
/// <param name="Rows">Stored latents.</param>
/// <param name="Shards">Planned shards.</param>
/// <param name="CommittedShards">Stored shards.</param>
/// <param name="Failures">Items without a latent.</param>
public sealed record LatentSetStatus(
    string Dataset,
    Fingerprint DatasetFingerprint,
    string Encoder,
    Fingerprint EncoderFingerprint,
    int Dimension,
    LatentDtype Dtype,
    int Items,
    int Rows,
    int Shards,
    int CommittedShards,
    IReadOnlyList<LatentFailure> Failures)
{
    /// <summary>Whether every shard is stored.</summary>
    public bool IsComplete => CommittedShards == Shards;

    internal static LatentSetStatus Of(StoredPlan plan, Dictionary<int, CommittedShard> committed) => new(
        plan.Manifest.Dataset,
        plan.Manifest.DatasetFingerprint,
        plan.Manifest.Encoder,
        plan.Manifest.EncoderFingerprint,
        plan.Manifest.Dimension,
        plan.Manifest.Dtype,
        plan.Items,
        committed.Values.Sum(shard => shard.Rows),
        plan.Table.Shards.Count,
        committed.Count,
        [.. plan.Table.Shards.SelectMany(shard => committed.TryGetValue(shard.Index, out var found) ? found.Failures : [])]);
}
