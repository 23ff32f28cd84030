using System.Diagnostics;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace FuseMix.Silo.Api;

/// <summary>Gives every request an id that its answer, the problem in it and the log lines about it carry: the caller's own where it sends
/// a valid one, else that of the trace.</summary>
internal static class RequestIds
{
    /// <summary>The header of requests and answers.</summary>
    public const string HeaderName = "X-Request-Id";

    /// <summary>The longest id that is taken from a caller, in characters.</summary>
    public const int MaxLength = 128;

    public static async Task Apply(HttpContext context, RequestDelegate next)
    {
        var id = context.Request.Headers[HeaderName] is [{ } given] && IsValid(given) ? given : NewId();
        context.TraceIdentifier = id;

        // Set at the last moment: the headers of an answer are cleared where a failure takes its place.
        context.Response.OnStarting(() =>
        {
            context.Response.Headers[HeaderName] = id;
            return Task.CompletedTask;
        });
        await next(context);
    }

    /// <summary>Puts the id and the name of the caller's key on every log line that is written about the request.</summary>
    public static async Task Log(HttpContext context, RequestDelegate next, ILogger logger)
    {
        using var scope = logger.BeginScope(new Dictionary<string, object?>
        {
            ["RequestId"] = context.TraceIdentifier,
            ["ApiKey"] = context.User.Identity?.Name,
        });
        await next(context);
    }

    private static bool IsValid(string id) =>
        id.Length is >= 1 and <= MaxLength && id.All(
            c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.' or ':' or '/' or '+' or '=');

    private static string NewId() =>
        Activity.Current is { IdFormat: ActivityIdFormat.W3C } trace ? trace.TraceId.ToHexString() : Guid.NewGuid().ToString("N");
}
