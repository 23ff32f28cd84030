using FuseMix.Contracts.Cluster;
using FuseMix.Contracts.Extraction;
using FuseMix.Grains.Nodes;
using Microsoft.Extensions.Logging;
using Orleans;
using Orleans.Runtime;

namespace FuseMix.Grains.Extraction;

[ExtractPlacement]
internal sealed partial class ExtractorGrain(
    ShardExtraction extraction, ILocalSiloDetails silo, TimeProvider clock, ILogger<ExtractorGrain> logger) : Grain, IExtractorGrain
{
    private static readonly TimeSpan ReportEvery = TimeSpan.FromMilliseconds(500);

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
        var me = this.GetPrimaryKeyString();
        var job = GrainFactory.GetGrain<IExtractionJobGrain>(jobKey);
        try
        {
            while (!cancellationToken.IsCancellationRequested && await job.Lease(me) is { } lease)
            {
                DelayDeactivation(lease.Duration * 2);
                if (await Extract(job, jobKey, lease, cancellationToken) is { } outcome) await job.Report(me, outcome);
            }
        }
        catch (Exception failure) when (failure is not OutOfMemoryException)
        {
            // The job cannot be reached: its watchdog, on whatever node it comes back, calls this extractor again.
            LogJobUnreachable(me, failure.Message);
        }
    }

    /// <summary>Extracts one shard on the thread pool while this grain keeps the lease alive; null when the lease was lost.</summary>
    private async Task<ShardOutcome?> Extract(IExtractionJobGrain job, string jobKey, ShardLease lease, CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var progress = new ShardProgress();
        var work = Task.Run(() => extraction.Run(ExtractionRequest.FromKey(jobKey), lease, progress, stop.Token), CancellationToken.None);
        while (await Task.WhenAny(work, Task.Delay(ReportEvery, clock, CancellationToken.None)) != work)
        {
            if (await job.Renew(this.GetPrimaryKeyString(), lease.Shard, progress.ItemsDone)) continue;
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
            return null;
        }
        catch (Exception failure) when (failure is not OutOfMemoryException)
        {
            LogShardFailed(failure, lease.Shard, jobKey);
            return new ShardOutcome(lease.Shard, lease.ItemIds.Length, 0, (failure as FuseMixException)?.Advice ?? failure.Message);
        }
    }

    [LoggerMessage(1101, LogLevel.Warning, "Extractor {Extractor} lost its job: {Error}")]
    private partial void LogJobUnreachable(string extractor, string error);

    [LoggerMessage(1103, LogLevel.Information, "Extractor {Extractor} stops with shard {Shard}: its lease is lost")]
    private partial void LogLeaseLost(string extractor, int shard);

    [LoggerMessage(1104, LogLevel.Information, "Extractor {Extractor} has dropped shard {Shard}; nothing of it was stored")]
    private partial void LogShardDropped(string extractor, int shard);

    [LoggerMessage(1102, LogLevel.Warning, "Shard {Shard} of extraction {Job} failed")]
    private partial void LogShardFailed(Exception failure, int shard, string job);
}
