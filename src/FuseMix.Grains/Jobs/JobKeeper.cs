using FuseMix.Contracts.Jobs;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans;

namespace FuseMix.Grains.Jobs;

/// <summary>Sees to it that a job goes on whose node has died, though no client asks for it.</summary>
internal sealed partial class JobKeeper(IGrainFactory grains, TimeProvider clock, ILogger<JobKeeper> logger) : BackgroundService
{
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(5);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await Task.Delay(Period, clock, stoppingToken);
                await grains.GetGrain<IJobListGrain>(IJobListGrain.Key).Wake().WaitAsync(stoppingToken);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception failure) when (failure is not OutOfMemoryException)
            {
                // The node of the list may be the one that died; the next tick finds it on another.
                LogUnreachable(failure.Message);
            }
        }
    }

    [LoggerMessage(5101, LogLevel.Debug, "The list of jobs cannot be reached: {Error}")]
    private partial void LogUnreachable(string error);
}
