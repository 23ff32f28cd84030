using System.Collections.Concurrent;
using FuseMix.Hosting.Configuration;
using FuseMix.Silo.Security;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.RateLimiting;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace FuseMix.Silo;

/// <summary>
/// How a node leaves: it says at once that it is not ready, serves on until load balancers have noticed, lets requests in hand end, and
/// only then leaves the cluster, which is where grains hand over.
/// </summary>
internal sealed partial class Leaving(
    ShutdownOptions options, IHostApplicationLifetime lifetime, TimeProvider clock, ILogger<Leaving> logger)
    : IHostedLifecycleService
{
    private readonly ConcurrentDictionary<HttpContext, bool> _inHand = new();

    /// <summary>Whether the node was told to leave.</summary>
    public bool HasBegun => lifetime.ApplicationStopping.IsCancellationRequested;

    /// <summary>Middleware that knows which requests are in hand.</summary>
    public async Task Track(HttpContext context, RequestDelegate next)
    {
        _inHand[context] = true;
        try
        {
            // Whoever keeps its connection would never come to another node.
            if (HasBegun) context.Response.Headers.Connection = "close";
            await next(context);
        }
        finally
        {
            _inHand.TryRemove(context, out _);
        }
    }

    /// <summary>Comes before any service of the node is stopped.</summary>
    public async Task StoppingAsync(CancellationToken cancellationToken)
    {
        LogLeaving(options.Drain, _inHand.Count);
        await Task.Delay(options.Drain, clock, cancellationToken);

        // An import may take as long as its data are large. Whoever sent it sends it again, to another node.
        var uploads = _inHand.Keys.Where(IsUpload).ToArray();
        if (uploads.Length > 0) LogUploadsCutOff(uploads.Length);
        foreach (var upload in uploads) upload.Abort();

        // The server stops next and waits for requests; they may have half of what is left, so that the grains have the other half.
        _ = CutOff((options.Timeout - options.Drain) / 2);
    }

    private static bool IsUpload(HttpContext context) =>
        context.GetEndpoint()?.Metadata.GetMetadata<EnableRateLimitingAttribute>()?.PolicyName == RequestLimits.Upload;

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    private async Task CutOff(TimeSpan patience)
    {
        await Task.Delay(patience, clock);
        if (_inHand.IsEmpty) return;
        LogCutOff(_inHand.Count, patience);
        foreach (var context in _inHand.Keys) context.Abort();
    }

    [LoggerMessage(4201, LogLevel.Information, "Leaving: not ready any more, serving on for {Drain}; {InHand} requests are in hand")]
    private partial void LogLeaving(TimeSpan drain, int inHand);

    [LoggerMessage(4203, LogLevel.Warning, "{Count} imports have not ended while the node drained and are cut off")]
    private partial void LogUploadsCutOff(int count);

    [LoggerMessage(4202, LogLevel.Warning, "{Count} requests have not ended within {Patience} and are cut off")]
    private partial void LogCutOff(int count, TimeSpan patience);
}
