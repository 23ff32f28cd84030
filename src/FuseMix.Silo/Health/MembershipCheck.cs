using FuseMix.Contracts.Cluster;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Orleans;
using Orleans.Runtime;

namespace FuseMix.Silo.Health;

/// <summary>Whether the node takes part in its cluster: it has joined, it is not leaving, and its grains answer.</summary>
internal sealed class MembershipCheck(IHostApplicationLifetime lifetime, ISiloStatusOracle membership, IGrainFactory grains) : IHealthCheck
{
    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        if (lifetime.ApplicationStopping.IsCancellationRequested || membership.CurrentStatus.IsTerminating())
            return HealthCheckResult.Unhealthy("the node is leaving the cluster");
        if (membership.CurrentStatus is not SiloStatus.Active) return HealthCheckResult.Unhealthy("the node is joining the cluster");

        try
        {
            await grains.GetGrain<IClusterGrain>(0).Status().WaitAsync(cancellationToken);
            return HealthCheckResult.Healthy();
        }
        catch (Exception failure) when (failure is not OutOfMemoryException)
        {
            return HealthCheckResult.Unhealthy("the node's grains do not answer", failure);
        }
    }
}

/// <summary>Whether the node has ever joined its cluster.</summary>
internal sealed class StartupCheck(ISiloStatusOracle membership) : IHealthCheck
{
    private volatile bool _hasJoined;

    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        _hasJoined |= membership.CurrentStatus is SiloStatus.Active;
        return Task.FromResult(_hasJoined ? HealthCheckResult.Healthy() : HealthCheckResult.Unhealthy("the node is joining the cluster"));
    }
}
