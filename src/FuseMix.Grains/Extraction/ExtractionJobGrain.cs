using System.Diagnostics;
using System.Runtime.CompilerServices;
using FuseMix.Contracts;
using FuseMix.Contracts.Cluster;
using FuseMix.Contracts.Extraction;
using FuseMix.Contracts.Jobs;
using FuseMix.Data.Datasets;
using FuseMix.Data.Latents;
using FuseMix.Encoders.Packs;
using FuseMix.Grains.Cluster;
using FuseMix.Grains.Home;
using FuseMix.Grains.Jobs;
using FuseMix.Grains.State;
using Microsoft.Extensions.Logging;
using Orleans;
using Orleans.Runtime;

namespace FuseMix.Grains.Extraction;

/// <summary>What survives the node: whether the job should be running. What is done stands in the latent store.</summary>
[GenerateSerializer, Alias("fusemix.ExtractionJobRecord")]
public sealed class ExtractionJobRecord
{
    /// <summary>Where the job stands.</summary>
    [Id(0)]
    public JobState State { get; set; }

    /// <summary>Why it failed; null otherwise.</summary>
    [Id(1)]
    public string? Error { get; set; }

    /// <summary>What a node must have to take part; null for any node.</summary>
    [Id(2)]
    public string? Accelerator { get; set; }
}

[GrainType("extractionjob")]
internal sealed partial class ExtractionJobGrain(
    [PersistentState("extraction", GrainStorage.Name)] IPersistentState<ExtractionJobRecord> record,
    DatasetStore store,
    DatasetCache datasets,
    EncoderPackStore packs,
    LatentStore latents,
    NodeDirectory nodes,
    NodeOptions options,
    ExtractionMetrics metrics,
    TimeProvider clock,
    ILogger<ExtractionJobGrain> logger) : Grain, IExtractionJobGrain
{
    /// <summary>How long a start waits for the plan. Where that takes longer, the job runs, and counts nothing yet.</summary>
    private static readonly TimeSpan PlanPatience = TimeSpan.FromSeconds(2);

    private readonly SerialState<ExtractionJobRecord> _state = new(record);
    private readonly ChangeSignal _changed = new();
    private readonly Dictionary<int, Holding> _leases = [];
    private readonly Dictionary<int, int> _attempts = [];
    private Task _accepting = Task.CompletedTask;
    private Planning? _planning;
    private ExtractionPlan? _plan;
    private IGrainTimer? _watchdog;
    private IDisposable? _running;
    private long _startedAt;
    private TimeSpan _elapsed;

    private JobReference Me => new(JobKind.Extraction, this.GetPrimaryKeyString());

    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        // The node that ran the job is gone: go on where the latent store says it stopped.
        if (_state.Value.State != JobState.Running) return Task.CompletedTask;
        Reset();
        Run(Plan());
        return Task.CompletedTask;
    }

    public override async Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        StopCounting();
        if (_planning is not { } planning) return;
        _planning = null;
        await planning.Stop.CancelAsync();

        // Only a courtesy to whoever plans it next, which may not hold up the leaving: it is safe to plan twice.
        await Task.WhenAny(planning.Plan, Task.Delay(PlanPatience, clock, CancellationToken.None));
    }

    public async Task<ExtractionStatus> Start(ExtractionRequest request)
    {
        if (request.Key != this.GetPrimaryKeyString())
        {
            throw new FuseMixException(FailureKind.Invalid, $"The job '{this.GetPrimaryKeyString()}' cannot extract '{request.Key}'.");
        }

        if (request.Accelerator is { } accelerator && !Accelerators.Known.Contains(accelerator))
            throw FuseMixException.UnknownName("accelerator", accelerator, Accelerators.Known, FailureKind.Invalid);

        if (_state.Value.State != JobState.Running || (_plan is null && _planning is null)) await (_accepting = Accept(request));
        return Snapshot();
    }

    public Task<ExtractionStatus> Status() => Task.FromResult(Snapshot());

    public async Task<ExtractionStatus> Cancel()
    {
        // A start that is being recorded is one that can be cancelled.
        await _accepting.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        if (_state.Value.State == JobState.Running) await End(JobState.Cancelled, null);
        return Snapshot();
    }

    public async IAsyncEnumerable<ExtractionStatus> Watch([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        while (true)
        {
            var next = _changed.Next;
            var status = Snapshot();
            yield return status;
            if (status.State != JobState.Running) yield break;
            await next.WaitAsync(cancellationToken);
        }
    }

    public async Task<ShardLease?> Lease(string extractor)
    {
        if (_state.Value.State != JobState.Running || _plan is not { } plan) return null;

        DropExpiredLeases();
        var held = _leases.FirstOrDefault(lease => lease.Value.Extractor == extractor);
        if ((held.Value is null ? plan.Take() : held.Key) is not { } shard) return null;
        var lease = held.Value ?? (_leases[shard] = new Holding(extractor));
        if (held.Value is null) _attempts[shard] = _attempts.GetValueOrDefault(shard) + 1;
        Extend(lease);
        string[] ids;
        try
        {
            ids = await Task.Run<string[]>(() => [.. plan.ItemIds(shard)]);
        }
        catch (FuseMixException failure)
        {
            // Without its items no shard can be made.
            if (_plan == plan) await End(JobState.Failed, failure.Advice);
            return null;
        }

        // It may have been cancelled meanwhile.
        return _leases.GetValueOrDefault(shard) == lease
            ? new ShardLease(shard, ids, plan.Encoder.Fingerprint.Hex, options.LeaseDuration)
            : null;
    }

    public Task<bool> Renew(string extractor, int shard, int itemsDone)
    {
        if (!_leases.TryGetValue(shard, out var lease) || lease.Extractor != extractor) return Task.FromResult(false);
        lease.ItemsDone = itemsDone;
        Extend(lease);
        _changed.Raise();
        return Task.FromResult(_state.Value.State == JobState.Running);
    }

    public async Task Report(string extractor, ShardOutcome outcome)
    {
        if (_plan is not { } plan)
        {
            _changed.Raise();
            return;
        }

        var isHeld = _leases.TryGetValue(outcome.Shard, out var lease) && lease.Extractor == extractor;
        if (outcome.Error is { } error)
        {
            LogShardFailed(outcome.Shard, this.GetPrimaryKeyString(), error);
            if (isHeld) GiveUp(outcome.Shard);
            if (_state.Value.State == JobState.Running && _attempts.GetValueOrDefault(outcome.Shard) >= options.ShardAttempts)
            {
                await End(JobState.Failed, $"Shard {outcome.Shard} failed {options.ShardAttempts} times: {error}");
                return;
            }
        }
        else
        {
            // The store, not the report, says what is committed: a report of a lost lease, or after a cancel, counts all the same.
            var commit = await Task.Run(() => plan.Look(outcome.Shard));
            if (commit is not null) plan.Count(outcome.Shard, commit);
            if (isHeld && _leases.GetValueOrDefault(outcome.Shard) == lease) GiveUp(outcome.Shard);
        }

        if (_plan == plan && _state.Value.State == JobState.Running && plan.PendingCount == 0) await End(JobState.Completed, null);
        else _changed.Raise();
    }

    public Task Release(string extractor, int shard)
    {
        if (_leases.TryGetValue(shard, out var lease) && lease.Extractor == extractor)
        {
            GiveUp(shard);
            _attempts[shard]--;
            _changed.Raise();
        }

        return Task.CompletedTask;
    }

    /// <summary>Refuses what cannot be, and records that the job runs, unless it shows soon that there is nothing to do.</summary>
    private async Task Accept(ExtractionRequest request)
    {
        await Task.Run(() => ExtractionPlan.Require(request, store, packs));
        var planning = Plan();
        try
        {
            await Task.WhenAny(planning.Plan, Task.Delay(PlanPatience, clock));
            var state = planning.Plan.IsCompleted && (await planning.Plan).PendingCount == 0 ? JobState.Completed : JobState.Running;
            if (state == JobState.Running) await GrainFactory.GetGrain<IJobListGrain>(IJobListGrain.Key).Begun(Me);
            await Record(current =>
            {
                (current.State, current.Accelerator, current.Error) = (state, request.Accelerator, null);
                return true;
            });
        }
        catch
        {
            await planning.Stop.CancelAsync();
            throw;
        }

        Reset();
        if (_state.Value.State == JobState.Running) Run(planning);
        else _plan = await planning.Plan;
        _changed.Raise();
    }

    /// <summary>Begins to plan, on a thread of its own: a large dataset takes longer than a call may.</summary>
    private Planning Plan()
    {
        var stop = new CancellationTokenSource();
        var request = ExtractionRequest.FromKey(this.GetPrimaryKeyString());
        return new Planning(stop, Task.Factory.StartNew(
            () => ExtractionPlan.Make(request, datasets, packs, latents, options.ItemsPerShard, stop.Token),
            CancellationToken.None,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default));
    }

    private void Reset()
    {
        _plan = null;
        _leases.Clear();
        _attempts.Clear();
        _startedAt = clock.GetTimestamp();
        _elapsed = TimeSpan.Zero;
    }

    private void Run(Planning planning)
    {
        _running ??= metrics.JobRuns();
        var period = options.LeaseDuration / 3;
        _watchdog?.Dispose();
        _watchdog = this.RegisterGrainTimer(_ => CallExtractors(), new GrainTimerCreationOptions(period, period) { KeepAlive = true });
        _planning = planning;
        _ = Begin(planning);
    }

    /// <summary>Begins to extract once the plan is there; calls are answered meanwhile.</summary>
    private async Task Begin(Planning planning)
    {
        // It goes on for long after the call that began it, and is a trace of its own.
        Activity.Current = null;
        var (plan, error) = ((ExtractionPlan?)null, (string?)null);
        try
        {
            plan = await planning.Plan;
        }
        catch (Exception failure) when (failure is not OutOfMemoryException)
        {
            error = (failure as FuseMixException)?.Advice ?? failure.Message;
        }

        // Cancelled meanwhile, or leaving the node.
        if (_planning != planning) return;
        _planning = null;
        _plan = plan;
        try
        {
            if (plan is null) await End(JobState.Failed, error);
            else if (plan.PendingCount == 0) await End(JobState.Completed, null);
            else
            {
                LogStarted(this.GetPrimaryKeyString(), plan.PendingCount, plan.ShardCount);
                _changed.Raise();
                await CallExtractors();
            }
        }
        catch (Exception failure) when (failure is not OutOfMemoryException)
        {
            // The grain leaves, and the next activation plans anew.
            LogNotRecorded(failure, this.GetPrimaryKeyString());
        }
    }

    private async Task End(JobState state, string? error)
    {
        _watchdog?.Dispose();
        _watchdog = null;
        StopCounting();
        _elapsed = clock.GetElapsedTime(_startedAt);
        _leases.Clear();
        if (_planning is { } planning)
        {
            _planning = null;
            await planning.Stop.CancelAsync();
        }

        var ended = await Record(current =>
        {
            if (current.State != JobState.Running) return false;
            current.State = state;
            current.Error = error;
            return true;
        });
        if (!ended) return;
        LogEnded(this.GetPrimaryKeyString(), state, error);
        _changed.Raise();
        await LeaveJobList();
    }

    private void StopCounting()
    {
        _running?.Dispose();
        _running = null;
    }

    private async Task LeaveJobList()
    {
        try
        {
            await GrainFactory.GetGrain<IJobListGrain>(IJobListGrain.Key).Ended(Me);
        }
        catch (Exception failure) when (failure is not OutOfMemoryException)
        {
            // The list finds out when it wakes its jobs.
            LogStillListed(this.GetPrimaryKeyString(), failure.Message);
        }
    }

    /// <summary>Makes a change durable. Where that fails, nobody knows what is stored: the grain leaves, and the next call reads
    /// it.</summary>
    private async Task<bool> Record(Func<ExtractionJobRecord, bool> change)
    {
        try
        {
            return await _state.Change(change);
        }
        catch
        {
            DeactivateOnIdle();
            throw;
        }
    }

    /// <summary>Wakes an extractor for every slot of every node that may take part; one that works for this job ignores it.</summary>
    private Task CallExtractors()
    {
        if (_plan is null) return Task.CompletedTask;
        DropExpiredLeases();
        var extractors = nodes.Extractors(_state.Value.Accelerator);
        if (extractors.Length == 0)
        {
            LogNobodyExtracts(
                this.GetPrimaryKeyString(), _state.Value.Accelerator is { } accelerator ? $" and the accelerator '{accelerator}'" : "");
        }

        // Not awaited: a node that hangs must not keep this grain from leasing shards to the others.
        foreach (var node in extractors)
            for (var slot = 0; slot < node.Slots; slot++) _ = Call(IExtractorGrain.KeyOf(node.Name, slot));
        return Task.CompletedTask;
    }

    private async Task Call(string extractor)
    {
        var job = this.GetPrimaryKeyString();
        try
        {
            await GrainFactory.GetGrain<IExtractorGrain>(extractor).Work(job);
        }
        catch (Exception failure) when (failure is not OutOfMemoryException)
        {
            // The next tick tries again.
            LogExtractorUnreachable(extractor, job, failure.Message);
        }
    }

    private void DropExpiredLeases()
    {
        foreach (var (shard, lease) in _leases.Where(entry => clock.GetTimestamp() > entry.Value.ExpiresAt).ToArray())
        {
            LogLeaseExpired(shard, this.GetPrimaryKeyString(), lease.Extractor);
            metrics.LeaseExpired();
            GiveUp(shard);
        }
    }

    /// <summary>Ends a lease; the shard waits for the next extractor, unless it is committed.</summary>
    private void GiveUp(int shard)
    {
        _leases.Remove(shard);
        _plan?.PutBack(shard);
    }

    private void Extend(Holding lease) =>
        lease.ExpiresAt = clock.GetTimestamp() + (long)(options.LeaseDuration.TotalSeconds * clock.TimestampFrequency);

    private ExtractionStatus Snapshot()
    {
        var request = ExtractionRequest.FromKey(this.GetPrimaryKeyString());
        var state = _state.Value.State;
        if (_plan is not { } plan)
        {
            return new ExtractionStatus(request.Dataset, request.Encoder, state, 0, 0, 0, 0, 0, 0, 0, TimeSpan.Zero, _state.Value.Error);
        }

        var elapsed = state == JobState.Running ? clock.GetElapsedTime(_startedAt) : _elapsed;
        var done = plan.ItemsCommitted + _leases.Values.Sum(lease => lease.ItemsDone);
        var rate = elapsed > TimeSpan.Zero ? (done - plan.ItemsFound) / elapsed.TotalSeconds : 0;
        return new ExtractionStatus(
            request.Dataset,
            request.Encoder,
            state,
            plan.ItemCount,
            done,
            plan.ItemsFound,
            plan.ItemsFailed,
            plan.ShardCount,
            plan.ShardCount - plan.PendingCount,
            rate,
            elapsed,
            _state.Value.Error);
    }

    [LoggerMessage(1001, LogLevel.Information, "Extraction {Job}: {Pending} of {Shards} shards to do")]
    private partial void LogStarted(string job, int pending, int shards);

    [LoggerMessage(1002, LogLevel.Information, "Extraction {Job} is {State}. {Error}")]
    private partial void LogEnded(string job, JobState state, string? error);

    [LoggerMessage(1003, LogLevel.Warning, "Shard {Shard} of extraction {Job} failed: {Error}")]
    private partial void LogShardFailed(int shard, string job, string error);

    [LoggerMessage(1004, LogLevel.Warning, "Shard {Shard} of extraction {Job} is taken from {Extractor}, which has been silent too long")]
    private partial void LogLeaseExpired(int shard, string job, string extractor);

    [LoggerMessage(1005, LogLevel.Warning, "Extractor {Extractor} could not be reached for extraction {Job}: {Error}")]
    private partial void LogExtractorUnreachable(string extractor, string job, string error);

    [LoggerMessage(1006, LogLevel.Debug, "Extraction {Job} is over, but the list of jobs does not know yet: {Error}")]
    private partial void LogStillListed(string job, string error);

    [LoggerMessage(1007, LogLevel.Warning, "Extraction {Job} waits: no active node has the role 'extract'{With}. Start one, or add the "
        + "role to a node")]
    private partial void LogNobodyExtracts(string job, string with);

    [LoggerMessage(1008, LogLevel.Error, "Extraction {Job} could not record where it stands")]
    private partial void LogNotRecorded(Exception failure, string job);

    /// <summary>A plan in the making.</summary>
    private sealed record Planning(CancellationTokenSource Stop, Task<ExtractionPlan> Plan);

    private sealed class Holding(string extractor)
    {
        public string Extractor => extractor;

        public long ExpiresAt { get; set; }

        public int ItemsDone { get; set; }
    }
}
