using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace FuseMix.Silo.Health;

/// <summary>A check that costs something, made once every few seconds however many ask: anybody may ask for a node's health.</summary>
/// <param name="check">Says how it is; or fails by throwing.</param>
/// <param name="trouble">What it means that it fails, in words that may leave the machine; the exception goes to the log alone.</param>
/// <param name="clock">The clock.</param>
/// <param name="keep">How long an answer is good; <see cref="Keep"/> where null.</param>
internal sealed class RememberedCheck(Func<Task<HealthCheckResult>> check, string trouble, TimeProvider clock, TimeSpan? keep = null) : IHealthCheck
{
    /// <summary>How long an answer is good where nothing else is said.</summary>
    public static readonly TimeSpan Keep = TimeSpan.FromSeconds(2);

    private readonly TimeSpan _keep = keep ?? Keep;

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
            if (_last is null || (_last.IsCompleted && clock.GetElapsedTime(_endedAt) >= _keep)) _last = Check();
            return _last;
        }
    }

    private async Task<HealthCheckResult> Check()
    {
        try
        {
            return await Task.Run(check);
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
