using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;

namespace FuseMix.Silo.Api;

/// <summary>Turns failures into problem+json: a stable type, the sentence, and the way out.</summary>
internal sealed class Problems(IProblemDetailsService writer) : IExceptionHandler
{
    public async ValueTask<bool> TryHandleAsync(HttpContext context, Exception failure, CancellationToken cancellationToken)
    {
        var (status, type) = failure switch
        {
            FuseMixException { Kind: FailureKind.Invalid } => (StatusCodes.Status400BadRequest, "invalid"),
            FuseMixException { Kind: FailureKind.NotFound } => (StatusCodes.Status404NotFound, "not-found"),
            FuseMixException { Kind: FailureKind.Conflict } => (StatusCodes.Status409Conflict, "conflict"),
            FuseMixException { Kind: FailureKind.Unavailable } => (StatusCodes.Status503ServiceUnavailable, "unavailable"),
            FuseMixException { Kind: FailureKind.Corrupt } => (StatusCodes.Status500InternalServerError, "corrupt"),
            BadHttpRequestException bad => (bad.StatusCode, "invalid"),
            TimeoutException => (StatusCodes.Status504GatewayTimeout, "timeout"),
            _ => (StatusCodes.Status500InternalServerError, "internal"),
        };
        context.Response.StatusCode = status;
        var problem = new ProblemDetails
        {
            Type = $"urn:fusemix:problem:{type}",
            Status = status,
            // The words of an unexpected failure may name paths of the server: they go to its log, not to the caller.
            Title = type == "internal" ? "The server failed unexpectedly; its log tells more." : failure.Message,
            Detail = (failure as FuseMixException)?.Remedy,
        };
        return await writer.TryWriteAsync(new ProblemDetailsContext { HttpContext = context, ProblemDetails = problem, Exception = failure });
    }
}
