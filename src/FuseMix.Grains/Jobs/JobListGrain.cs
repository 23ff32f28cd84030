using FuseMix.Contracts;
using FuseMix.Contracts.Collections;
using FuseMix.Contracts.Extraction;
using FuseMix.Contracts.Jobs;
using FuseMix.Contracts.Training;
using FuseMix.Grains.State;
using Microsoft.Extensions.Logging;
using Orleans;
using Orleans.Runtime;

namespace FuseMix.Grains.Jobs;

/// <summary>What survives the node: every job, in the order in which they were last begun.</summary>
[GenerateSerializer, Alias("fusemix.JobListRecord")]
public sealed class JobListRecord
{
    /// <summary>The jobs.</summary>
    [Id(0)]
    public List<JobEntry> Jobs { get; set; } = [];
}

/// <summary>One job of the list.</summary>
[GenerateSerializer, Alias("fusemix.JobEntry")]
public sealed class JobEntry
{
    /// <summary>The job.</summary>
    [Id(0)]
    public required JobReference Job { get; set; }

    /// <summary>Whether it should be running, as far as is known.</summary>
    [Id(1)]
    public bool IsUnfinished { get; set; }
}

[GrainType("joblist")]
internal sealed partial class JobListGrain(
    [PersistentState("jobs", GrainStorage.Name)] IPersistentState<JobListRecord> record, TimeProvider clock, ILogger<JobListGrain> logger)
    : Grain, IJobListGrain
{
    private const int FinishedKept = 10_000;

    /// <summary>Every node asks for a waking now and then; one of these does for all of them.</summary>
    private static readonly TimeSpan WakeAtMostEvery = TimeSpan.FromSeconds(3);

    private readonly SerialState<JobListRecord> _state = new(record);
    private long? _wokenAt;

    public override Task OnActivateAsync(CancellationToken cancellationToken) => this.GetPrimaryKeyString() == IJobListGrain.Key
        ? Task.CompletedTask
        : throw new FuseMixException(FailureKind.Invalid, $"There is one list of jobs, with the key '{IJobListGrain.Key}'.");

    public Task Begun(JobReference job) => Record(state =>
    {
        if (state.Jobs is [.., { IsUnfinished: true } last] && last.Job == job) return false;
        state.Jobs.RemoveAll(entry => entry.Job == job);
        state.Jobs.Add(new JobEntry { Job = job, IsUnfinished = true });
        var finished = state.Jobs.Count(entry => !entry.IsUnfinished);
        if (finished > FinishedKept) state.Jobs.RemoveAll(entry => !entry.IsUnfinished && finished-- > FinishedKept);
        return true;
    });

    public Task Ended(JobReference job) => Record(state =>
    {
        if (state.Jobs.Find(entry => entry.Job == job) is not { IsUnfinished: true } entry) return false;
        entry.IsUnfinished = false;
        return true;
    });

    public Task<JobReference[]> List(JobKind kind) => Task.FromResult<JobReference[]>(
        [.. _state.Value.Jobs.Select(entry => entry.Job).Where(job => job.Kind == kind).Reverse()]);

    public async Task Wake()
    {
        if (_wokenAt is { } before && clock.GetElapsedTime(before) < WakeAtMostEvery) return;
        _wokenAt = clock.GetTimestamp();
        await Task.WhenAll(_state.Value.Jobs.Where(entry => entry.IsUnfinished).Select(entry => Wake(entry.Job)).ToArray());
    }

    private async Task Wake(JobReference job)
    {
        try
        {
            // The call itself is what wakes it: a job that finds itself running in the storage goes on.
            if (!await IsRunning(job)) await Ended(job);
        }
        catch (Exception failure) when (failure is not OutOfMemoryException)
        {
            LogAsleep(job.Kind, job.Key, failure.Message);
        }
    }

    private async Task<bool> IsRunning(JobReference job) => job.Kind switch
    {
        JobKind.Extraction => (await GrainFactory.GetGrain<IExtractionJobGrain>(job.Key).Status()).State == JobState.Running,
        JobKind.Build => (await GrainFactory.GetGrain<ICollectionGrain>(job.Key).BuildStatus()).State == JobState.Running,
        JobKind.Training => await GrainFactory.GetGrain<ITrainerGrain>(job.Key).Resume(),
        _ => throw new InvalidOperationException($"Jobs of kind {job.Kind} are not known."),
    };

    private async Task Record(Func<JobListRecord, bool> change)
    {
        try
        {
            await _state.Change(change);
        }
        catch
        {
            // Nobody knows what is stored: the next activation reads it.
            DeactivateOnIdle();
            throw;
        }
    }

    [LoggerMessage(5001, LogLevel.Warning, "{Kind} job {Job} cannot be woken yet: {Error}")]
    private partial void LogAsleep(JobKind kind, string job, string error);
}
