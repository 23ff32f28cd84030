using System.Globalization;
using FuseMix.Silo.Security;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Extensions.Logging;
using Orleans.Runtime;

namespace FuseMix.Silo.Api;

/// <summary>What went wrong, as <c>application/problem+json</c>.</summary>
/// <param name="Type">What kind of problem it is; never changes.</param>
/// <param name="Title">The kind in words; never changes.</param>
/// <param name="Status">The HTTP status.</param>
/// <param name="Detail">What happened here.</param>
/// <param name="RequestId">The id under which the node's log tells more.</param>
/// <param name="Remedy">The way out; missing where none can be advised.</param>
internal sealed record Problem(string Type, string Title, int Status, string Detail, string RequestId, string? Remedy = null);

/// <summary>Turns failures into problem+json: a type and title that never change, what happened here (detail), and the way out (remedy).</summary>
internal sealed partial class Problems(IProblemDetailsService writer, ILogger<Problems> logger) : IExceptionHandler
{
    private const string TypePrefix = "urn:fusemix:problem:";

    public async ValueTask<bool> TryHandleAsync(HttpContext context, Exception failure, CancellationToken cancellationToken)
    {
        var (status, type, detail, remedy) = Describe(failure);
        var problem = new ProblemDetails { Status = status, Detail = detail, Type = type };
        if (remedy is not null) problem.Extensions["remedy"] = remedy;
        if (status == StatusCodes.Status500InternalServerError && failure is not FuseMixException)
            LogUnexpected(context.Request.Method, context.Request.Path, context.TraceIdentifier, failure);

        context.Response.StatusCode = status;
        return await writer.TryWriteAsync(new ProblemDetailsContext { HttpContext = context, ProblemDetails = problem, Exception = failure });
    }

    /// <summary>A failure for whoever reads an answer that has begun already.</summary>
    public static Problem Of(Exception failure, string requestId)
    {
        var (status, type, detail, remedy) = Describe(failure);
        return new Problem(type, TitleOf(status), status, detail, requestId, remedy);
    }

    /// <summary>Gives every problem what it must have, also those that no failure stands behind, such as an unknown address.</summary>
    public static void Complete(ProblemDetailsContext context)
    {
        var (problem, http) = (context.ProblemDetails, context.HttpContext);
        var status = problem.Status ?? http.Response.StatusCode;
        problem.Type = problem.Type?.StartsWith(TypePrefix, StringComparison.Ordinal) == true ? problem.Type : TypeOf(status);
        problem.Title = TitleOf(status);
        if (http.Features.Get<Refusal>() is { } refusal && problem.Detail is null)
        {
            problem.Detail = refusal.Detail;
            problem.Extensions["remedy"] = refusal.Remedy;
        }

        problem.Detail ??= status switch
        {
            StatusCodes.Status404NotFound => $"There is nothing at '{http.Request.Path}'.",
            StatusCodes.Status405MethodNotAllowed => $"'{http.Request.Path}' does not answer {http.Request.Method} but {http.Response.Headers.Allow}.",
            StatusCodes.Status415UnsupportedMediaType => $"'{http.Request.Path}' does not take the content type '{http.Request.ContentType}'.",
            _ => null,
        };
        problem.Extensions.Remove("traceId");
        problem.Extensions["requestId"] = http.TraceIdentifier;
        if (status == StatusCodes.Status503ServiceUnavailable && http.Response.Headers.RetryAfter.Count == 0)
            http.Response.Headers.RetryAfter = RequestLimits.RetryAfter.ToString(CultureInfo.InvariantCulture);
    }

    private static (int Status, string Type, string Detail, string? Remedy) Describe(Exception failure)
    {
        var (status, detail) = failure switch
        {
            FuseMixException known => (known.Kind switch
            {
                FailureKind.Invalid => StatusCodes.Status400BadRequest,
                FailureKind.NotFound => StatusCodes.Status404NotFound,
                FailureKind.Conflict => StatusCodes.Status409Conflict,
                FailureKind.Unavailable => StatusCodes.Status503ServiceUnavailable,
                _ => StatusCodes.Status500InternalServerError,
            }, known.Message),
            BadHttpRequestException bad => (bad.StatusCode, bad.Message),
            TimeoutException => (StatusCodes.Status504GatewayTimeout, "A part of the cluster did not answer in time."),

            // The caller's own going away never comes here: the framework sees to it.
            OrleansMessageRejectionException or OperationCanceledException =>
                (StatusCodes.Status503ServiceUnavailable, "A node that is needed is stopping, starting or gone."),

            // The words of an unexpected failure may name paths of the server: they go to its log, not to the caller.
            _ => (StatusCodes.Status500InternalServerError, "The server failed unexpectedly; its log tells more."),
        };
        var type = failure is FuseMixException { Kind: FailureKind.Corrupt } ? $"{TypePrefix}corrupt" : TypeOf(status);
        return (status, type, detail, (failure as FuseMixException)?.Remedy);
    }

    private static string TypeOf(int status) => TypePrefix + status switch
    {
        StatusCodes.Status401Unauthorized => "unauthenticated",
        StatusCodes.Status403Forbidden => "forbidden",
        StatusCodes.Status404NotFound => "not-found",
        StatusCodes.Status405MethodNotAllowed => "method-not-allowed",
        StatusCodes.Status409Conflict => "conflict",
        StatusCodes.Status413PayloadTooLarge => "too-large",
        StatusCodes.Status415UnsupportedMediaType => "unsupported-media-type",
        StatusCodes.Status421MisdirectedRequest => "misdirected",
        StatusCodes.Status429TooManyRequests => "too-many-requests",
        StatusCodes.Status503ServiceUnavailable => "unavailable",
        StatusCodes.Status504GatewayTimeout => "timeout",
        < StatusCodes.Status500InternalServerError => "invalid",
        _ => "internal",
    };

    private static string TitleOf(int status) => Microsoft.AspNetCore.WebUtilities.ReasonPhrases.GetReasonPhrase(status) is { Length: > 0 } phrase
        ? phrase
        : "Failure";

    [LoggerMessage(4001, LogLevel.Error, "{Method} {Path} ({Id}) failed")]
    private partial void LogUnexpected(string method, PathString path, string id, Exception failure);
}
