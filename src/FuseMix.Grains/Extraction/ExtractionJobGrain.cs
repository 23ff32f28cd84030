using System.Runtime.CompilerServices;
using FuseMix.Contracts;
using FuseMix.Contracts.Cluster;
using FuseMix.Contracts.Extraction;
using FuseMix.Contracts.Jobs;
using FuseMix.Data.Latents;
using FuseMix.Encoders.Packs;
using FuseMix.Grains.Nodes;
using Microsoft.Extensions.Logging;
using Orleans;
using Orleans.Runtime;

namespace FuseMix.Grains.Extraction;

/// <summary>What survives the node: whether the job should be running. What is done stands in the latent store.</summary>
[GenerateSerializer]
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

internal sealed partial class ExtractionJobGrain(
    [PersistentState("extraction", GrainStorage.Name)] IPersistentState<ExtractionJobRecord> record,
    DatasetCache datasets,
    EncoderPackStore packs,
    LatentStore latents,
    NodeDirectory nodes,
    NodeOptions options,
    ExtractionMetrics metrics,
    TimeProvider clock,
    ILogger<ExtractionJobGrain> logger) : Grain, IExtractionJobGrain
{
    private readonly SerialState<ExtractionJobRecord> _state = new(record);
    private readonly ChangeSignal _changed = new();
    private readonly Dictionary<int, Holding> _leases = [];
    private readonly Dictionary<int, int> _attempts = [];
    private ExtractionPlan? _plan;
    private IGrainTimer? _watchdog;
    private IDisposable? _running;
    private long _startedAt;
    private TimeSpan _elapsed;

    private JobReference Me => new(JobKind.Extraction, this.GetPrimaryKeyString());

    public override async Task OnActivateAsync(CancellationToken cancellationToken)
    {
        if (_state.Value.State != JobState.Running) return;
        try
        {
            // The node that ran the job is gone: go on where the latent store says it stopped.
            await Begin(_state.Value.Accelerator);
        }
        catch (FuseMixException failure)
        {
            // Its dataset or encoder is gone too. The job must still be there to say so, and to be started again.
            await End(JobState.Failed, failure.Advice);
        }
    }

    public override Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        StopCounting();
        return Task.CompletedTask;
    }

    public async Task<ExtractionStatus> Start(ExtractionRequest request)
    {
        if (request.Key != this.GetPrimaryKeyString())
        {
            throw new FuseMixException(FailureKind.Invalid, $"The job '{this.GetPrimaryKeyString()}' cannot extract '{request.Key}'.");
        }

        if (request.Accelerator is { } accelerator && !Accelerators.Known.Contains(accelerator))
            throw FuseMixException.UnknownName("accelerator", accelerator, Accelerators.Known, FailureKind.Invalid);

        if (_state.Value.State != JobState.Running || _plan is null) await Begin(request.Accelerator);
        return Snapshot();
    }

    public Task<ExtractionStatus> Status() => Task.FromResult(Snapshot());

    public async Task<ExtractionStatus> Cancel()
    {
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

    public Task<ShardLease?> Lease(string extractor)
    {
        if (_state.Value.State != JobState.Running || _plan is not { } plan) return Task.FromResult<ShardLease?>(null);

        DropExpiredLeases();
        var held = _leases.FirstOrDefault(lease => lease.Value.Extractor == extractor);
        int? shard = held.Value is not null ? held.Key : plan.Pending.Where(s => !_leases.ContainsKey(s)).Select(s => (int?)s).FirstOrDefault();
        if (shard is not { } index) return Task.FromResult<ShardLease?>(null);

        if (held.Value is null)
        {
            _leases[index] = new Holding(extractor);
            _attempts[index] = _attempts.GetValueOrDefault(index) + 1;
        }

        Extend(_leases[index]);
        return Task.FromResult<ShardLease?>(
            new ShardLease(index, [.. plan.ItemIds(index)], plan.Encoder.Fingerprint.Hex, options.LeaseDuration));
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
        if (_leases.TryGetValue(outcome.Shard, out var lease) && lease.Extractor == extractor) _leases.Remove(outcome.Shard);
        if (_plan is not { } plan) return;

        if (outcome.Error is { } error)
        {
            LogShardFailed(outcome.Shard, this.GetPrimaryKeyString(), error);
            if (_state.Value.State == JobState.Running && _attempts.GetValueOrDefault(outcome.Shard) >= options.ShardAttempts)
            {
                await End(JobState.Failed, $"Shard {outcome.Shard} failed {options.ShardAttempts} times: {error}");
                return;
            }
        }
        else
        {
            // The store, not the report, says what is committed: a report of a lost lease, or after a cancel, counts all the same.
            plan.Refresh();
        }

        if (_state.Value.State == JobState.Running && plan.PendingCount == 0) await End(JobState.Completed, null);
        else _changed.Raise();
    }

    public Task Release(string extractor, int shard)
    {
        if (_leases.TryGetValue(shard, out var lease) && lease.Extractor == extractor)
        {
            _leases.Remove(shard);
            _attempts[shard]--;
            _changed.Raise();
        }

        return Task.CompletedTask;
    }

    private async Task Begin(string? accelerator)
    {
        var request = ExtractionRequest.FromKey(this.GetPrimaryKeyString());
        _plan = await Task.Run(() => ExtractionPlan.Make(request, datasets, packs, latents, options.ItemsPerShard));
        _leases.Clear();
        _attempts.Clear();
        _startedAt = clock.GetTimestamp();
        _elapsed = TimeSpan.Zero;
        if (_plan.PendingCount > 0) await GrainFactory.GetGrain<IJobListGrain>(IJobListGrain.Key).Begun(Me);
        await Record(state =>
        {
            state.Accelerator = accelerator;
            state.State = _plan.PendingCount == 0 ? JobState.Completed : JobState.Running;
            state.Error = null;
            return true;
        });
        _changed.Raise();
        if (_state.Value.State != JobState.Running) return;

        LogStarted(this.GetPrimaryKeyString(), _plan.PendingCount, _plan.ShardCount);
        var period = options.LeaseDuration / 3;
        _running ??= metrics.JobRuns();
        _watchdog?.Dispose();
        _watchdog = this.RegisterGrainTimer(_ => CallExtractors(), new GrainTimerCreationOptions(TimeSpan.Zero, period) { KeepAlive = true });
    }

    private async Task End(JobState state, string? error)
    {
        _watchdog?.Dispose();
        _watchdog = null;
        StopCounting();
        _elapsed = _plan is null ? TimeSpan.Zero : clock.GetElapsedTime(_startedAt);
        _leases.Clear();
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

    /// <summary>Makes a change durable. Where that fails, nobody knows what is stored: the grain leaves, and the next call reads it.</summary>
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

    /// <summary>Wakes one extractor per slot. Nodes that joined get some, slots of dead nodes are placed anew; a busy one ignores it.</summary>
    private Task CallExtractors()
    {
        DropExpiredLeases();
        var slots = Math.Max(1, nodes.Count(NodeRoles.Extract, _state.Value.Accelerator)) * options.Threads;

        // Not awaited: a node that hangs must not keep this grain from leasing shards to the others.
        for (var slot = 0; slot < slots; slot++) _ = Call(slot);
        return Task.CompletedTask;
    }

    private async Task Call(int slot)
    {
        var job = this.GetPrimaryKeyString();
        try
        {
            await GrainFactory.GetGrain<IExtractorGrain>(_state.Value.Accelerator is { } accelerator ? $"{job}#{accelerator}#{slot}" : $"{job}#{slot}").Work(job);
        }
        catch (Exception failure) when (failure is not OutOfMemoryException)
        {
            // The next tick tries again.
            LogExtractorUnreachable(slot, job, failure.Message);
        }
    }

    private void DropExpiredLeases()
    {
        foreach (var (shard, lease) in _leases.Where(entry => clock.GetTimestamp() > entry.Value.ExpiresAt).ToArray())
        {
            LogLeaseExpired(shard, this.GetPrimaryKeyString(), lease.Extractor);
            metrics.LeaseExpired();
            _leases.Remove(shard);
        }
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

    [LoggerMessage(1005, LogLevel.Warning, "Extractor {Slot} of extraction {Job} could not be reached: {Error}")]
    private partial void LogExtractorUnreachable(int slot, string job, string error);

    [LoggerMessage(1006, LogLevel.Debug, "Extraction {Job} is over, but the list of jobs does not know yet: {Error}")]
    private partial void LogStillListed(string job, string error);

    private sealed class Holding(string extractor)
    {
        public string Extractor => extractor;

        public long ExpiresAt { get; set; }

        public int ItemsDone { get; set; }
    }
}
