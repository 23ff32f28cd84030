using System.Net;
using Microsoft.AspNetCore.Http;

namespace FuseMix.Silo.Api;

/// <summary>Keeps other people's web pages away from a node that trusts whoever reaches it.</summary>
internal static class BrowserSafety
{
    private const string Policy =
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
        + "base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

    public static Task Apply(HttpContext context, RequestDelegate next)
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
        if (host != "localhost" && !(IPAddress.TryParse(host, out var address) && IPAddress.IsLoopback(address)))
        {
            throw new BadHttpRequestException(
                $"This node answers as localhost or 127.0.0.1, not as '{host}'.", StatusCodes.Status421MisdirectedRequest);
        }

        return next(context);
    }
}
