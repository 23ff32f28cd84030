using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using FuseMix.Contracts.Http;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Runtime;

namespace FuseMix.Silo.Api;

/// <summary>
/// Sends the statuses of a job as server-sent events: <c>event: status</c>, <c>id: n</c>, <c>data: {json}</c>; a comment now and then where
/// there is nothing to tell; and the end after the status in which the job is over.
/// </summary>
/// <remarks>Every event tells all there is to know, so a reader that comes back, or is slow, has missed nothing by what it did not
/// see.</remarks>
internal sealed partial class EventStream(TimeProvider clock, IHostApplicationLifetime host, ILogger<EventStream> logger)
{
    /// <summary>How long a stream may be silent, for proxies not to take it for dead.</summary>
    public static readonly TimeSpan HeartbeatEvery = TimeSpan.FromSeconds(15);

    /// <summary>Least time between two statuses: more nobody can look at.</summary>
    public static readonly TimeSpan StatusAtMostEvery = TimeSpan.FromMilliseconds(100);

    /// <summary>How long to look for a job that does not answer: longer than a cluster takes to notice that a node is dead.</summary>
    public static readonly TimeSpan GiveUpAfter = TimeSpan.FromMinutes(5);

    private static readonly TimeSpan WatchAgainAfter = TimeSpan.FromMilliseconds(500);
    private static readonly byte[] Heartbeat = ": \n\n"u8.ToArray();

    /// <summary>Sends a job's statuses until it is over, or the caller or this node goes away.</summary>
    /// <param name="context">The request, whose answer must not have begun.</param>
    /// <param name="watch">Watches the job; a watch that comes to its end ends the stream, one that breaks off is begun anew.</param>
    /// <param name="type">How to write a status.</param>
    public async Task Send<T>(HttpContext context, Func<CancellationToken, IAsyncEnumerable<T>> watch, JsonTypeInfo<T> type)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, host.ApplicationStopping);
        context.Response.ContentType = "text/event-stream";
        context.Response.Headers.CacheControl = "no-store";

        // Proxies that gather answers before they pass them on are told not to.
        context.Response.Headers["X-Accel-Buffering"] = "no";
        context.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();
        var sent = new Sent(NumberBefore(context.Request));
        try
        {
            // At once, so that the caller knows that it is connected.
            await Write(context, Heartbeat, stop.Token);
            var newsAt = clock.GetTimestamp();
            while (true)
            {
                var before = sent.Number;
                if (await WatchOnce(context, watch, type, sent, stop.Token) is not { } failure) return;
                if (sent.Number > before) newsAt = clock.GetTimestamp();
                if (!IsPassing(failure) || clock.GetElapsedTime(newsAt) > GiveUpAfter)
                {
                    var problem = JsonSerializer.SerializeToUtf8Bytes(
                        Problems.Of(failure, context.TraceIdentifier), ApiJson.Answers.Problem);
                    await Write(context, Event("failure", sent.Number + 1, problem), stop.Token);
                    LogBrokenOff(context.Request.Path, failure);
                    return;
                }

                LogWatchedAgain(context.Request.Path, failure.Message);
                await Pause(context, WatchAgainAfter, stop.Token);
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // Nobody is there to read on, or this node leaves; the caller finds another one.
        }
    }

    /// <summary>Sends what one watch tells.</summary>
    /// <returns>Why it broke off; null where it came to its end.</returns>
    private async Task<Exception?> WatchOnce<T>(
        HttpContext context, Func<CancellationToken, IAsyncEnumerable<T>> watch, JsonTypeInfo<T> type, Sent sent, CancellationToken stop)
    {
        IAsyncEnumerator<T> statuses;
        try
        {
            statuses = watch(stop).GetAsyncEnumerator(stop);
        }
        catch (Exception failure) when (failure is not OutOfMemoryException)
        {
            return failure;
        }

        var next = Task.FromResult(false);
        try
        {
            while (true)
            {
                next = statuses.MoveNextAsync().AsTask();
                try
                {
                    if (!await Awaited(context, next, stop)) return null;
                }
                catch (Exception failure) when (next.IsCompleted && !stop.IsCancellationRequested && failure is not OutOfMemoryException)
                {
                    return failure;
                }

                if (sent.At is { } at && clock.GetElapsedTime(at) is var since && since < StatusAtMostEvery)
                    await Task.Delay(StatusAtMostEvery - since, clock, stop);
                sent.Number++;
                await Write(context, Event("status", sent.Number, JsonSerializer.SerializeToUtf8Bytes(statuses.Current, type)), stop);
                sent.At = clock.GetTimestamp();
            }
        }
        finally
        {
            // A step that is under way may take its time to notice that nobody waits for it; an enumerator may not be disposed before.
            _ = DisposeAfter(next, statuses);
        }
    }

    private static async Task DisposeAfter<T>(Task step, IAsyncEnumerator<T> statuses)
    {
        await step.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        try
        {
            await statuses.DisposeAsync();
        }
        catch (Exception failure) when (failure is not OutOfMemoryException)
        {
            // It is on a node that is gone.
        }
    }

    /// <summary>Waits, with heartbeats.</summary>
    private async Task<T> Awaited<T>(HttpContext context, Task<T> work, CancellationToken stop)
    {
        while (true)
        {
            try
            {
                return await work.WaitAsync(HeartbeatEvery, clock, stop);
            }
            catch (TimeoutException) when (!work.IsCompleted)
            {
                await Write(context, Heartbeat, stop);
            }
        }
    }

    private async Task Pause(HttpContext context, TimeSpan time, CancellationToken stop)
    {
        await Write(context, Heartbeat, stop);
        await Task.Delay(time, clock, stop);
    }

    private static async Task Write(HttpContext context, ReadOnlyMemory<byte> bytes, CancellationToken stop)
    {
        // A reader that does not read holds this up, and with it nothing but its own stream; the server ends it when it has read too little
        // for too long.
        await context.Response.Body.WriteAsync(bytes, stop);
        await context.Response.Body.FlushAsync(stop);
    }

    private static byte[] Event(string name, long number, byte[] json) =>
        [.. Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"event: {name}\nid: {number}\ndata: ")), .. json, (byte)'\n', (byte)'\n'];

    /// <summary>A reader that comes back says which event it saw last; numbers go on from there.</summary>
    private static long NumberBefore(HttpRequest request) =>
        long.TryParse(request.Headers["Last-Event-ID"], NumberStyles.None, CultureInfo.InvariantCulture, out var last)
            && last < long.MaxValue / 2
            ? last
            : 0;

    /// <summary>Whether the job may be watched again after this: its node has died or leaves, and another one takes over.</summary>
    private static bool IsPassing(Exception failure) =>
        failure is OrleansException or EnumerationAbortedException or TimeoutException or OperationCanceledException
            or FuseMixException { Kind: FailureKind.Unavailable };

    [LoggerMessage(4011, LogLevel.Information, "The job behind {Path} is watched anew: {Error}")]
    private partial void LogWatchedAgain(string path, string error);

    [LoggerMessage(4012, LogLevel.Warning, "The stream {Path} breaks off")]
    private partial void LogBrokenOff(string path, Exception failure);

    private sealed class Sent(long number)
    {
        public long Number { get; set; } = number;

        public long? At { get; set; }
    }
}
