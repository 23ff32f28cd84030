using Orleans;

namespace FuseMix.Contracts.Extraction;

/// <summary>Extract every item of the encoder's modality.</summary>
/// <param name="Dataset">Name of a dataset.</param>
/// <param name="Encoder">Name of an encoder pack.</param>
/// <param name="Accelerator">One of <see cref="Cluster.Accelerators"/> that a node must have to take part; null for any node.</param>
[GenerateSerializer, Immutable, Alias("fusemix.ExtractionRequest")]
public sealed record ExtractionRequest(string Dataset, string Encoder, string? Accelerator = null)
{
    /// <summary>Grain key of the job: there is one per dataset × encoder.</summary>
    public string Key => $"{ResourceName.Require(Dataset, "dataset")}/{ResourceName.Require(Encoder, "encoder")}";

    /// <summary>The request that a job's key stands for.</summary>
    public static ExtractionRequest FromKey(string key)
    {
        var slash = key.IndexOf('/', StringComparison.Ordinal);
        return new ExtractionRequest(key[..slash], key[(slash + 1)..]);
    }
}

/// <summary>How far an extraction is.</summary>
/// <param name="Dataset">Name of the dataset.</param>
/// <param name="Encoder">Name of the encoder pack.</param>
/// <param name="State">Where the job stands.</param>
/// <param name="Items">Items to extract in all; 0 while the job is planned.</param>
/// <param name="ItemsDone">Items in committed shards or already encoded in leased ones, failures included.</param>
/// <param name="ItemsFound">Of these, items that an earlier run had committed: recognised, not extracted again.</param>
/// <param name="ItemsFailed">Items without a latent; the commit of its shard in the latent set's folder names each with its reason.</param>
/// <param name="Shards">Shards in all; 0 while the job is planned.</param>
/// <param name="ShardsDone">Shards committed.</param>
/// <param name="ItemsPerSecond">Rate of this run, 0 before the first item.</param>
/// <param name="Elapsed">Time that this run has taken.</param>
/// <param name="Error">Why the job failed; null otherwise.</param>
[GenerateSerializer, Immutable, Alias("fusemix.ExtractionStatus")]
public sealed record ExtractionStatus(
    string Dataset,
    string Encoder,
    JobState State,
    int Items,
    int ItemsDone,
    int ItemsFound,
    int ItemsFailed,
    int Shards,
    int ShardsDone,
    double ItemsPerSecond,
    TimeSpan Elapsed,
    string? Error);

/// <summary>The right to extract one shard until the lease expires.</summary>
/// <param name="Shard">Index of the shard.</param>
/// <param name="ItemIds">Its items, in order.</param>
/// <param name="EncoderFingerprint">The pack as the job knows it: an extractor that holds another one must refuse.</param>
/// <param name="Duration">How long the lease lasts unless renewed.</param>
[GenerateSerializer, Immutable, Alias("fusemix.ShardLease")]
public sealed record ShardLease(int Shard, string[] ItemIds, string EncoderFingerprint, TimeSpan Duration);

/// <summary>How an extractor ended with a shard.</summary>
/// <param name="Shard">Index of the shard.</param>
/// <param name="Items">Items tried.</param>
/// <param name="Failed">Items without a latent.</param>
/// <param name="Error">Why the whole shard could not be made; null when it stands in the store.</param>
[GenerateSerializer, Immutable, Alias("fusemix.ShardOutcome")]
public sealed record ShardOutcome(int Shard, int Items, int Failed, string? Error);
