using System.Text.Json;
using FuseMix.Contracts.Http;

namespace FuseMix.Client.Http;

/// <summary>What an answer that is no success means to the caller.</summary>
internal static class ApiProblem
{
    /// <summary>Reads the failure out of an answer.</summary>
    public static async Task<FuseMixException> Read(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        if (await Document(response, cancellationToken) is { } problem && Of(problem) is { } told) return told;
        var kind = (int)response.StatusCode switch
        {
            408 or 429 or 502 or 503 or 504 => FailureKind.Unavailable,
            >= 500 => FailureKind.Internal,
            _ => FailureKind.Invalid,
        };

        // Nothing of ours: a proxy, or another program.
        var address = response.RequestMessage!.RequestUri!.GetLeftPart(UriPartial.Path);
        var elsewhere = response.Headers.Location is { } location ? $", which points to {location}" : "";
        return new FuseMixException(
            kind,
            $"{address} answered {(int)response.StatusCode} {response.ReasonPhrase}{elsewhere}.",
            kind == FailureKind.Unavailable ? "Try again in a few seconds." : "Check that the address is that of a FuseMix cluster.");
    }

    /// <summary>The failure that a document tells; null where it is none of ours.</summary>
    public static FuseMixException? Of(Problem problem)
    {
        if (ProblemTypes.KindOf(problem.Type) is not { } kind) return null;
        var remedy = problem.Remedy
            ?? (kind == FailureKind.Internal && problem.RequestId is { } id ? $"The log of the cluster tells more of request {id}." : null);
        return new FuseMixException(kind, problem.Detail ?? "The cluster does not say why it failed.", remedy);
    }

    /// <summary>How long an answer asks to wait; null where it does not.</summary>
    public static TimeSpan? RetryAfter(HttpResponseMessage response, TimeProvider clock) => response.Headers.RetryAfter switch
    {
        { Delta: { } delta } => delta,
        { Date: { } date } => date - clock.GetUtcNow(),
        _ => null,
    };

    private static async Task<Problem?> Document(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        if (response.Content.Headers.ContentType?.MediaType != "application/problem+json") return null;
        try
        {
            await using var body = await response.Content.ReadAsStreamAsync(cancellationToken);
            return await JsonSerializer.DeserializeAsync(body, ApiJson.Client.Problem, cancellationToken);
        }
        catch (Exception e) when (e is JsonException or IOException or HttpRequestException)
        {
            // The status alone has to do.
            return null;
        }
    }
}
