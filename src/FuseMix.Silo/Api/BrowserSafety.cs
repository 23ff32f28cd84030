using System.Net;
using FuseMix.Silo.Configuration;
using Microsoft.AspNetCore.Http;

namespace FuseMix.Silo.Api;

/// <summary>Keeps other people's web pages away from a node that trusts whoever reaches it.</summary>
/// <param name="options">Where the node listens, and under which names.</param>
internal sealed class BrowserSafety(HttpOptions options)
{
    private const string Policy =
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
        + "base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

    public Task Apply(HttpContext context, RequestDelegate next)
    {
        // Set at the last moment: the headers of an answer are cleared where a failure takes its place.
        context.Response.OnStarting(() =>
        {
            var headers = context.Response.Headers;
            headers.ContentSecurityPolicy = Policy;
            headers.XContentTypeOptions = "nosniff";
            headers["Referrer-Policy"] = "no-referrer";
            headers["Cross-Origin-Resource-Policy"] = "same-origin";
            return Task.CompletedTask;
        });

        // A web page whose name its owner points at 127.0.0.1 comes with that name, and would read all answers (DNS rebinding).
        var host = context.Request.Host.Host;
        if (!IsOurs(host, context.Request.Path))
        {
            string[] names = ["localhost", "127.0.0.1", .. options.PublicNames];
            var given = host.Length == 0 ? "but the request names no host" : $"not as '{host}'";
            throw new BadHttpRequestException(
                $"This node answers as {string.Join(", ", names[..^1])} or {names[^1]}, {given}.", StatusCodes.Status421MisdirectedRequest);
        }

        // Browsers send some requests to a node without asking it first, whatever page they come from; only reading the answer is forbidden.
        if (!HttpMethods.IsGet(context.Request.Method) && !HttpMethods.IsHead(context.Request.Method) && IsFromAnotherSite(context.Request))
        {
            throw new FuseMixException(
                FailureKind.Invalid, "The request comes from a web page of another site.", "Send it from the node's own page, or from a program.");
        }

        return next(context);
    }

    private bool IsOurs(string host, PathString path)
    {
        if (host.Equals("localhost", StringComparison.OrdinalIgnoreCase) || (IPAddress.TryParse(host, out var address) && IPAddress.IsLoopback(address))) return true;
        if (options.PublicNames.Contains(host, StringComparer.OrdinalIgnoreCase)) return true;

        // Probes and scrapers come with the name that they were given by whoever runs them, or with none; they are told nothing that matters.
        if (path.StartsWithSegments("/health") || path == "/metrics") return true;

        // Where a key is needed, a page that has none gains nothing from reaching the node.
        return options.PublicNames.Count == 0 && !options.IsLoopback;
    }

    private static bool IsFromAnotherSite(HttpRequest request)
    {
        if (request.Headers["Sec-Fetch-Site"] is [{ } site]) return site is not ("same-origin" or "none");
        return request.Headers.Origin is [{ } origin]
            && !(Uri.TryCreate(origin, UriKind.Absolute, out var from) && from.Authority.Equals(request.Host.Value, StringComparison.OrdinalIgnoreCase));
    }
}
