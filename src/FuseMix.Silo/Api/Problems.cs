using System.Globalization;
using FuseMix.Contracts.Http;
using FuseMix.Silo.Security;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Extensions.Logging;
using Orleans.Runtime;

namespace FuseMix.Silo.Api;

/// <summary>Turns failures into problem+json: a type and title that never change, what happened here (detail), and the way out
/// (remedy).</summary>
internal sealed partial class Problems(IProblemDetailsService writer, ILogger<Problems> logger) : IExceptionHandler
{
    public async ValueTask<bool> TryHandleAsync(HttpContext context, Exception failure, CancellationToken cancellationToken)
    {
        var (status, type, detail, remedy) = Describe(failure);
        var problem = new ProblemDetails { Status = status, Detail = detail, Type = type };
        if (remedy is not null) problem.Extensions["remedy"] = remedy;
        if (status == StatusCodes.Status500InternalServerError && failure is not FuseMixException)
            LogUnexpected(context.Request.Method, context.Request.Path, context.TraceIdentifier, failure);

        context.Response.StatusCode = status;
        return await writer.TryWriteAsync(
            new ProblemDetailsContext { HttpContext = context, ProblemDetails = problem, Exception = failure });
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
        problem.Type = ProblemTypes.KindOf(problem.Type) is null ? TypeOf(status) : problem.Type;
        problem.Title = TitleOf(status);
        if (http.Features.Get<Refusal>() is { } refusal && problem.Detail is null)
        {
            problem.Detail = refusal.Detail;
            problem.Extensions["remedy"] = refusal.Remedy;
        }

        if (status == StatusCodes.Status415UnsupportedMediaType && problem.Detail is null)
            problem.Extensions["remedy"] =
                "Say what the body is: with curl, -H 'content-type: application/json', or application/x-tar for a tar.";
        problem.Detail ??= status switch
        {
            StatusCodes.Status404NotFound => $"There is nothing at '{http.Request.Path}'.",
            StatusCodes.Status405MethodNotAllowed =>
                $"'{http.Request.Path}' does not answer {http.Request.Method} but {http.Response.Headers.Allow}.",
            StatusCodes.Status415UnsupportedMediaType =>
                $"'{http.Request.Path}' does not take the content type '{http.Request.ContentType}'.",
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
        var type = failure is FuseMixException { Kind: FailureKind.Corrupt } ? ProblemTypes.Corrupt : TypeOf(status);
        return (status, type, detail, (failure as FuseMixException)?.Remedy);
    }

    private static string TypeOf(int status) => status switch
    {
        StatusCodes.Status401Unauthorized => ProblemTypes.Unauthenticated,
        StatusCodes.Status403Forbidden => ProblemTypes.Forbidden,
        StatusCodes.Status404NotFound => ProblemTypes.NotFound,
        StatusCodes.Status405MethodNotAllowed => ProblemTypes.MethodNotAllowed,
        StatusCodes.Status409Conflict => ProblemTypes.Conflict,
        StatusCodes.Status413PayloadTooLarge => ProblemTypes.TooLarge,
        StatusCodes.Status415UnsupportedMediaType => ProblemTypes.UnsupportedMediaType,
        StatusCodes.Status421MisdirectedRequest => ProblemTypes.Misdirected,
        StatusCodes.Status429TooManyRequests => ProblemTypes.TooManyRequests,
        StatusCodes.Status503ServiceUnavailable => ProblemTypes.Unavailable,
        StatusCodes.Status504GatewayTimeout => ProblemTypes.Timeout,
        < StatusCodes.Status500InternalServerError => ProblemTypes.Invalid,
        _ => ProblemTypes.Internal,
    };

    private static string TitleOf(int status) =>
        Microsoft.AspNetCore.WebUtilities.ReasonPhrases.GetReasonPhrase(status) is { Length: > 0 } phrase
        ? phrase
        : "Failure";

    [LoggerMessage(4001, LogLevel.Error, "{Method} {Path} ({Id}) failed")]
    private partial void LogUnexpected(string method, PathString path, string id, Exception failure);
}
