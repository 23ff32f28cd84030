using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Extensions.Logging;
using Orleans.Runtime;

namespace FuseMix.Silo.Api;

/// <summary>Turns failures into problem+json: a type and title that never change, what happened here (detail), and the way out (remedy).</summary>
internal sealed partial class Problems(IProblemDetailsService writer, ILogger<Problems> logger) : IExceptionHandler
{
    public async ValueTask<bool> TryHandleAsync(HttpContext context, Exception failure, CancellationToken cancellationToken)
    {
        var (status, detail) = Describe(failure);
        var problem = new ProblemDetails { Status = status, Detail = detail, Type = TypeOf(status) };
        if (failure is FuseMixException known)
        {
            if (known.Kind == FailureKind.Corrupt) problem.Type = "urn:fusemix:problem:corrupt";
            if (known.Remedy is { } remedy) problem.Extensions["remedy"] = remedy;
        }
        else if (status == StatusCodes.Status500InternalServerError)
        {
            LogUnexpected(context.Request.Method, context.Request.Path, failure);
        }

        context.Response.StatusCode = status;
        return await writer.TryWriteAsync(new ProblemDetailsContext { HttpContext = context, ProblemDetails = problem, Exception = failure });
    }

    /// <summary>Gives the problems that no failure stands behind, such as an unknown address, their type and words.</summary>
    public static void Complete(ProblemDetailsContext context)
    {
        var problem = context.ProblemDetails;
        problem.Type = problem.Type?.StartsWith("urn:fusemix:", StringComparison.Ordinal) == true
            ? problem.Type
            : TypeOf(problem.Status ?? context.HttpContext.Response.StatusCode);
        problem.Detail ??= problem.Status switch
        {
            StatusCodes.Status404NotFound => $"There is nothing at '{context.HttpContext.Request.Path}'.",
            StatusCodes.Status405MethodNotAllowed =>
                $"'{context.HttpContext.Request.Path}' does not answer {context.HttpContext.Request.Method} but {context.HttpContext.Response.Headers.Allow}.",
            _ => null,
        };
    }

    private static (int Status, string Detail) Describe(Exception failure) => failure switch
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

    private static string TypeOf(int status) => "urn:fusemix:problem:" + status switch
    {
        StatusCodes.Status404NotFound => "not-found",
        StatusCodes.Status405MethodNotAllowed => "method-not-allowed",
        StatusCodes.Status409Conflict => "conflict",
        StatusCodes.Status413PayloadTooLarge => "too-large",
        StatusCodes.Status415UnsupportedMediaType => "unsupported-media-type",
        StatusCodes.Status421MisdirectedRequest => "misdirected",
        StatusCodes.Status503ServiceUnavailable => "unavailable",
        StatusCodes.Status504GatewayTimeout => "timeout",
        < StatusCodes.Status500InternalServerError => "invalid",
        _ => "internal",
    };

    [LoggerMessage(4001, LogLevel.Error, "{Method} {Path} failed")]
    private partial void LogUnexpected(string method, PathString path, Exception failure);
}
