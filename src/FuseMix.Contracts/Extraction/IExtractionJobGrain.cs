using Orleans;
using Orleans.Concurrency;

namespace FuseMix.Contracts.Extraction;

/// <summary>
/// Fills the latent set of one dataset × one encoder. It plans shards, leases them to extractors, and knows what is done from the
/// latent store itself, so that a repeated, concurrent or interrupted job never extracts a committed shard again.
/// </summary>
/// <remarks>Key: <see cref="ExtractionRequest.Key"/>.</remarks>
[Alias("fusemix.IExtractionJobGrain")]
public interface IExtractionJobGrain : IGrainWithStringKey
{
    /// <summary>Starts, or goes on with, the extraction. Safe to repeat: a running job answers its status. Returns within seconds: where it
    /// takes longer
    /// to plan the shards, the job is <see cref="JobState.Running"/> and counts no item and no shard until it has.</summary>
    /// <exception cref="FuseMixException">Unknown dataset or encoder, or the dataset has nothing of the encoder's modality.</exception>
    [Alias("Start")]
    Task<ExtractionStatus> Start(ExtractionRequest request);

    /// <summary>Where the job stands.</summary>
    [AlwaysInterleave]
    [Alias("Status")]
    Task<ExtractionStatus> Status();

    /// <summary>Stops planning, or leasing shards. Committed ones stay; <see cref="Start"/> goes on from there.</summary>
    [AlwaysInterleave]
    [Alias("Cancel")]
    Task<ExtractionStatus> Cancel();

    /// <summary>The status now and whenever it changes, ending with the one in which the job is over.</summary>
    [Alias("Watch")]
    IAsyncEnumerable<ExtractionStatus> Watch(CancellationToken cancellationToken = default);

    /// <summary>For extractors: a shard to work on, or null where there is nothing left to do.</summary>
    /// <param name="extractor">Key of the extractor that asks; asking again gives the shard that it already holds.</param>
    [Alias("Lease")]
    Task<ShardLease?> Lease(string extractor);

    /// <summary>For extractors: proof of life, and how far the shard is. False when the lease is lost: drop the shard.</summary>
    [Alias("Renew")]
    Task<bool> Renew(string extractor, int shard, int itemsDone);

    /// <summary>For extractors: the shard stands in the latent store, or could not be made (<see cref="ShardOutcome.Error"/>).</summary>
    [Alias("Report")]
    Task Report(string extractor, ShardOutcome outcome);

    /// <summary>For extractors: gives back a shard that is not finished, since its node leaves. Another one may have it at once, rather
    /// than when the lease expires, and the attempt does not count.</summary>
    [Alias("Release")]
    Task Release(string extractor, int shard);
}
