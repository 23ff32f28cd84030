using System.Diagnostics;
using FuseMix.Contracts.Cluster;
using FuseMix.Contracts.Extraction;
using FuseMix.Grains.Placement;
using Microsoft.Extensions.Logging;
using Orleans;
using Orleans.Runtime;

namespace FuseMix.Grains.Extraction;

[ExtractPlacement]
[GrainType("extractor")]
internal sealed partial class ExtractorGrain(
    ShardExtraction extraction,
    ExtractionMetrics metrics,
    ILocalSiloDetails silo,
    TimeProvider clock,
    ILogger<ExtractorGrain> logger) : Grain, IExtractorGrain
{
    /// <summary>How often to ask a job that does not answer: for longer than a cluster takes to notice that a node is dead.</summary>
    private const int JobAttempts = 60;

    private static readonly TimeSpan JobRetryAfter = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan ReportEvery = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan ReleasePatience = TimeSpan.FromSeconds(3);

    private readonly CancellationTokenSource _stop = new();
    private readonly List<Turn> _turns = [];
    private Task _work = Task.CompletedTask;

    public Task Work(string job)
    {
        if (_turns.Find(turn => turn.Job == job) is { } known) known.IsAskedAgain = true;
        else _turns.Add(new Turn(job));
        if (_work.IsCompleted) _work = TakeTurns(_stop.Token);
        return Task.CompletedTask;
    }

    public Task<string> Node() => Task.FromResult(NodeName.Parse(silo.Name).Name);

    public override async Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        await _stop.CancelAsync();
        await _work;
    }

    private async Task TakeTurns(CancellationToken cancellationToken)
    {
        // It goes on for long after the call that began it; each shard is a trace of its own.
        Activity.Current = null;
        while (_turns.Count > 0 && !cancellationToken.IsCancellationRequested)
        {
            var turn = _turns[0];
            turn.IsAskedAgain = false;
            var hasMore = await Take(turn, cancellationToken);
            _turns.Remove(turn);
            if (hasMore || turn.IsAskedAgain) _turns.Add(turn);
            if (_turns.Count == 0 || _turns.Exists(other => other.Failures == 0)) continue;
            await Task.Delay(JobRetryAfter, clock, cancellationToken)
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        }
    }

    /// <summary>Works on one shard of a job; false where it has none to give any more.</summary>
    private async Task<bool> Take(Turn turn, CancellationToken cancellationToken)
    {
        var me = this.GetPrimaryKeyString();
        var job = GrainFactory.GetGrain<IExtractionJobGrain>(turn.Job);
        try
        {
            if (await job.Lease(me) is not { } lease) return false;
            turn.Failures = 0;
            DelayDeactivation(lease.Duration * 2);
            if (await Extract(job, turn.Job, lease, cancellationToken) is { } outcome) await job.Report(me, outcome);
            return true;
        }
        catch (Exception failure) when (failure is not OutOfMemoryException)
        {
            // The job's node may have died. Asking on is what wakes the job on another one, where nobody else may be asking.
            LogJobUnreachable(me, failure.Message);
            return ++turn.Failures < JobAttempts;
        }
    }

    /// <summary>Extracts one shard while this grain keeps the lease alive; null when the lease was lost.</summary>
    private async Task<ShardOutcome?> Extract(IExtractionJobGrain job, string jobKey, ShardLease lease, CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var progress = new ShardProgress();
        var request = ExtractionRequest.FromKey(jobKey);

        // On a thread of its own: it waits for files and for the encoder, and as many as the node has slots would leave the pool none for
        // calls.
        var work = Task.Factory.StartNew(
            () => metrics.Measure(request, lease.Shard, () => extraction.Run(request, lease, progress, stop.Token)),
            CancellationToken.None,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default);
        while (await Task.WhenAny(work, Task.Delay(ReportEvery, clock, CancellationToken.None)) != work)
        {
            if (await Renew(job, lease.Shard, progress.ItemsDone)) continue;
            LogLeaseLost(this.GetPrimaryKeyString(), lease.Shard);
            await stop.CancelAsync();
            break;
        }

        try
        {
            return await work;
        }
        catch (OperationCanceledException)
        {
            LogShardDropped(this.GetPrimaryKeyString(), lease.Shard);
            if (cancellationToken.IsCancellationRequested) await GiveBack(job, lease.Shard);
            return null;
        }
        catch (Exception failure) when (failure is not OutOfMemoryException)
        {
            LogShardFailed(failure, lease.Shard, jobKey);
            return new ShardOutcome(lease.Shard, lease.ItemIds.Length, 0, (failure as FuseMixException)?.Advice ?? failure.Message);
        }
    }

    /// <summary>The node leaves: another one need not wait until the lease expires. Only a courtesy, which may not hold up the
    /// leaving.</summary>
    private async Task GiveBack(IExtractionJobGrain job, int shard)
    {
        try
        {
            await job.Release(this.GetPrimaryKeyString(), shard).WaitAsync(ReleasePatience, clock, CancellationToken.None);
        }
        catch (Exception failure) when (failure is not OutOfMemoryException)
        {
            LogNotReleased(this.GetPrimaryKeyString(), shard, failure.Message);
        }
    }

    /// <summary>False when the lease is lost. A job that cannot be asked has not taken it: the shard goes on, and whoever else might
    /// work on it by then writes the same file.</summary>
    private async Task<bool> Renew(IExtractionJobGrain job, int shard, int itemsDone)
    {
        try
        {
            return await job.Renew(this.GetPrimaryKeyString(), shard, itemsDone);
        }
        catch (Exception failure) when (failure is not OutOfMemoryException)
        {
            LogNotRenewed(this.GetPrimaryKeyString(), shard, failure.Message);
            return true;
        }
    }

    [LoggerMessage(1101, LogLevel.Warning, "Extractor {Extractor} cannot reach its job: {Error}")]
    private partial void LogJobUnreachable(string extractor, string error);

    [LoggerMessage(1105, LogLevel.Debug, "Extractor {Extractor} could not renew its lease of shard {Shard}: {Error}")]
    private partial void LogNotRenewed(string extractor, int shard, string error);

    [LoggerMessage(1106, LogLevel.Debug, "Extractor {Extractor} could not give shard {Shard} back, which waits until its lease expires: "
        + "{Error}")]
    private partial void LogNotReleased(string extractor, int shard, string error);

    [LoggerMessage(1103, LogLevel.Information, "Extractor {Extractor} stops with shard {Shard}: its lease is lost")]
    private partial void LogLeaseLost(string extractor, int shard);

    [LoggerMessage(1104, LogLevel.Information, "Extractor {Extractor} has dropped shard {Shard}; nothing of it was stored")]
    private partial void LogShardDropped(string extractor, int shard);

    [LoggerMessage(1102, LogLevel.Warning, "Shard {Shard} of extraction {Job} failed")]
    private partial void LogShardFailed(Exception failure, int shard, string job);

    /// <summary>A job that asked for this slot.</summary>
    private sealed class Turn(string job)
    {
        public string Job => job;

        /// <summary>Whether it asked while this slot asked it: the answer that it has no more may be older than that.</summary>
        public bool IsAskedAgain { get; set; }

        /// <summary>How many times in a row it did not answer.</summary>
        public int Failures { get; set; }
    }
}
