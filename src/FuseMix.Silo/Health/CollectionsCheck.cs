using FuseMix.Contracts.Search;
using FuseMix.Grains.Search;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Orleans;

namespace FuseMix.Silo.Health;

/// <summary>Whether what is live can be searched: each collection is, and what it stands on is looked for.</summary>
/// <remarks>
/// A collection that fails does so on every node, and most of what a node does goes on without it. So it is told, and the node stays ready:
/// without any node that is ready nobody would be served at all. Nobody waits for the searches but for a moment: who asks meanwhile gets
/// what was found the last time.
/// </remarks>
internal sealed class CollectionsCheck : IHealthCheck
{
    /// <summary>How long an answer is good: a search costs more than anything else that is checked.</summary>
    public static readonly TimeSpan Keep = TimeSpan.FromSeconds(30);

    /// <summary>Names told at most, so that an answer stays a line.</summary>
    private const int Told = 10;

    private static readonly TimeSpan Moment = TimeSpan.FromMilliseconds(500);

    private readonly CollectionProbe _probe;
    private readonly IGrainFactory _grains;
    private readonly RememberedCheck _check;
    private volatile Found _last = new(HealthCheckResult.Healthy());

    public CollectionsCheck(CollectionProbe probe, IGrainFactory grains, TimeProvider clock)
    {
        (_probe, _grains) = (probe, grains);
        _check = new RememberedCheck(Search, "the collections cannot be looked at", clock, Keep);
    }

    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        using var moment = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        moment.CancelAfter(Moment);
        try
        {
            var found = await _check.CheckHealthAsync(context, moment.Token);
            if (found.Status == HealthStatus.Unhealthy) found = HealthCheckResult.Degraded(found.Description, found.Exception);
            _last = new Found(found);
            return found;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return _last.Value;
        }
    }

    private async Task<HealthCheckResult> Search()
    {
        var failing = new Dictionary<string, FuseMixException>(StringComparer.Ordinal);
        foreach (var collection in _probe.Names())
        {
            if (await _probe.Examine(collection, request => _grains.GetGrain<ISearchGrain>(0).Search(request), everyByte: false) is [var trouble, ..])
                failing[collection] = trouble;
        }

        if (failing.Count == 0) return HealthCheckResult.Healthy();
        var more = failing.Count > Told ? $" and {failing.Count - Told} more" : "";
        return HealthCheckResult.Degraded(
            $"searches fail or lack something in {string.Join(", ", failing.Keys.Take(Told))}{more}; './fusemix doctor' says why",
            new AggregateException(failing.Values));
    }

    private sealed record Found(HealthCheckResult Value);
}
