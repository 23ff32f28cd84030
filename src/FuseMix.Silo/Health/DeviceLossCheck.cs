using FuseMix.Grains.Sessions;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace FuseMix.Silo.Health;

/// <summary>Whether the process can go on as it is: only a new one gets a lost device back.</summary>
internal sealed class DeviceLossCheck(DeviceHealth devices) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Task.FromResult(devices.Lost is null
            ? HealthCheckResult.Healthy()
            : HealthCheckResult.Unhealthy("the device is lost; the node must be started anew"));
}
