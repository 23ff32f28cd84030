using FuseMix.Grains.Cluster;
using FuseMix.Grains.Collections;
using FuseMix.Grains.Extraction;
using FuseMix.Grains.Search;
using FuseMix.Grains.Training;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace FuseMix.Grains.Hosting;

/// <summary>Makes every instrument when the node starts, rather than with the first grain that needs it: whoever exports them sees that
/// nothing has happened yet.</summary>
internal sealed class MetersOfNode(IServiceProvider services) : IHostedService
{
    public Task StartAsync(CancellationToken cancellationToken)
    {
        foreach (var type in (Type[])[typeof(SearchMetrics), typeof(IndexMetrics), typeof(ExtractionMetrics), typeof(TrainingMetrics), typeof(ClusterMetrics)])
            services.GetRequiredService(type);
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
