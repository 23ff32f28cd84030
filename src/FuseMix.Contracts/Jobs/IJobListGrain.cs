using Orleans;
using Orleans.Concurrency;

namespace FuseMix.Contracts.Jobs;

/// <summary>Remembers every job of the cluster, and wakes those that should be running when the node of one has died.</summary>
/// <remarks>Key: <see cref="Key"/>.</remarks>
[Alias("fusemix.IJobListGrain")]
public interface IJobListGrain : IGrainWithStringKey
{
    /// <summary>The only valid key.</summary>
    const string Key = "jobs";

    /// <summary>For job grains: the job is about to run. Safe to repeat.</summary>
    [Alias("Begun")]
    Task Begun(JobReference job);

    /// <summary>For job grains: the job is over. Safe to repeat, and to forget: whoever wakes the job finds out.</summary>
    [Alias("Ended")]
    Task Ended(JobReference job);

    /// <summary>Every job of a kind that was ever begun, the one begun last first; of those that are over the last 10,000.</summary>
    [AlwaysInterleave]
    [Alias("List")]
    Task<JobReference[]> List(JobKind kind);

    /// <summary>Calls every job that should be running, which starts those again whose node is gone. Every node does so now and
    /// then.</summary>
    [AlwaysInterleave]
    [Alias("Wake")]
    Task Wake();
}

/// <summary>What a job does.</summary>
[GenerateSerializer, Alias("fusemix.JobKind")]
public enum JobKind
{
    /// <summary>An extraction; its key is <see cref="Extraction.ExtractionRequest.Key"/>.</summary>
    Extraction,

    /// <summary>All that the trainer has to do; its key is <see cref="Training.ITrainerGrain.Key"/>.</summary>
    Training,

    /// <summary>The build of a generation; its key is the name of the collection.</summary>
    Build,
}

/// <summary>Names a job.</summary>
/// <param name="Kind">What it does.</param>
/// <param name="Key">Key of the grain that owns it.</param>
[GenerateSerializer, Immutable, Alias("fusemix.JobReference")]
public sealed record JobReference(JobKind Kind, string Key);
