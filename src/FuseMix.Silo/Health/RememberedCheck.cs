using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace FuseMix.Silo.Health;

/// <summary>A check that costs something, made once every few seconds however many ask: anybody may ask for a node's health.</summary>
/// <param name="check">Fails by throwing.</param>
/// <param name="trouble">What it means that it fails, in words that may leave the machine; the exception goes to the log alone.</param>
/// <param name="clock">The clock.</param>
internal sealed class RememberedCheck(Func<Task> check, string trouble, TimeProvider clock) : IHealthCheck
{
    /// <summary>How long an answer is good.</summary>
    public static readonly TimeSpan Keep = TimeSpan.FromSeconds(2);

    private readonly Lock _gate = new();
    private Task<HealthCheckResult>? _last;
    private long _endedAt;

    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Latest().WaitAsync(cancellationToken);

    private Task<HealthCheckResult> Latest()
    {
        lock (_gate)
        {
            // One that hangs is not made again beside itself.
            if (_last is null || (_last.IsCompleted && clock.GetElapsedTime(_endedAt) >= Keep)) _last = Check();
            return _last;
        }
    }

    private async Task<HealthCheckResult> Check()
    {
        try
        {
            await Task.Run(check);
            return HealthCheckResult.Healthy();
        }
        catch (Exception failure) when (failure is not OutOfMemoryException)
        {
            return HealthCheckResult.Unhealthy(trouble, failure);
        }
        finally
        {
            lock (_gate) _endedAt = clock.GetTimestamp();
        }
    }
}
