using System.Diagnostics;
using FuseMix.Contracts.Cluster;
using FuseMix.Contracts.Extraction;
using FuseMix.Grains.Nodes;
using Microsoft.Extensions.Logging;
using Orleans;
using Orleans.Runtime;

namespace FuseMix.Grains.Extraction;

[ExtractPlacement]
internal sealed partial class ExtractorGrain(
    ShardExtraction extraction, ExtractionMetrics metrics, ILocalSiloDetails silo, TimeProvider clock, ILogger<ExtractorGrain> logger) : Grain, IExtractorGrain
{
    /// <summary>How often to ask a job that does not answer: for longer than a cluster takes to notice that a node is dead.</summary>
    private const int JobAttempts = 60;

    private static readonly TimeSpan JobRetryAfter = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan ReportEvery = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan ReleasePatience = TimeSpan.FromSeconds(3);

    private readonly CancellationTokenSource _stop = new();
    private Task _work = Task.CompletedTask;

    public Task Work(string job)
    {
        if (_work.IsCompleted) _work = PullShards(job, _stop.Token);
        return Task.CompletedTask;
    }

    public Task<string> Node() => Task.FromResult(NodeName.Parse(silo.Name).Name);

    public override async Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        await _stop.CancelAsync();
        await _work;
    }

    private async Task PullShards(string jobKey, CancellationToken cancellationToken)
    {
        // It goes on for long after the call that began it; each shard is a trace of its own.
        Activity.Current = null;
        var me = this.GetPrimaryKeyString();
        var job = GrainFactory.GetGrain<IExtractionJobGrain>(jobKey);
        for (var failures = 0; failures < JobAttempts && !cancellationToken.IsCancellationRequested;)
        {
            try
            {
                if (await job.Lease(me) is not { } lease) return;
                failures = 0;
                DelayDeactivation(lease.Duration * 2);
                if (await Extract(job, jobKey, lease, cancellationToken) is { } outcome) await job.Report(me, outcome);
            }
            catch (Exception failure) when (failure is not OutOfMemoryException)
            {
                // The job's node may have died. Asking on is what wakes the job on another one, where nobody else may be asking.
                failures++;
                LogJobUnreachable(me, failure.Message);
                await Task.Delay(JobRetryAfter, clock, cancellationToken)
                    .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
            }
        }
    }

    /// <summary>Extracts one shard on the thread pool while this grain keeps the lease alive; null when the lease was lost.</summary>
    private async Task<ShardOutcome?> Extract(IExtractionJobGrain job, string jobKey, ShardLease lease, CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var progress = new ShardProgress();
        var request = ExtractionRequest.FromKey(jobKey);
        var work = Task.Run(() => metrics.Measure(request, lease.Shard, () => extraction.Run(request, lease, progress, stop.Token)), CancellationToken.None);
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

    /// <summary>The node leaves: another one need not wait until the lease expires. Only a courtesy, which may not hold up the leaving.</summary>
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

    [LoggerMessage(1106, LogLevel.Debug, "Extractor {Extractor} could not give shard {Shard} back, which waits until its lease expires: {Error}")]
    private partial void LogNotReleased(string extractor, int shard, string error);

    [LoggerMessage(1103, LogLevel.Information, "Extractor {Extractor} stops with shard {Shard}: its lease is lost")]
    private partial void LogLeaseLost(string extractor, int shard);

    [LoggerMessage(1104, LogLevel.Information, "Extractor {Extractor} has dropped shard {Shard}; nothing of it was stored")]
    private partial void LogShardDropped(string extractor, int shard);

    [LoggerMessage(1102, LogLevel.Warning, "Shard {Shard} of extraction {Job} failed")]
    private partial void LogShardFailed(Exception failure, int shard, string job);
}
