using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Net.Http.Headers;

namespace FuseMix.Silo.Page;

/// <summary>The web page to search with, whose files are in this assembly.</summary>
internal static class PageFiles
{
    private const string Index = "index.html";

    private static readonly (string Name, string MediaType)[] Files =
    [
        (Index, "text/html; charset=utf-8"),
        ("page.css", "text/css; charset=utf-8"),
        ("page.js", "text/javascript; charset=utf-8"),
        ("icon.svg", "image/svg+xml"),
    ];

    public static void Map(IEndpointRouteBuilder routes)
    {
        foreach (var (name, mediaType) in Files)
        {
            var content = Read(name);
            var tag = new EntityTagHeaderValue($"\"{Fingerprint.Of(content).Short}\"");
            routes.MapMethods(name == Index ? "/" : $"/{name}", [HttpMethods.Get, HttpMethods.Head], (HttpResponse response) =>
            {
                // Asked for anew each time, and sent only where it has changed: no mixture of two versions.
                response.Headers.CacheControl = "no-cache";
                return Results.Bytes(content, mediaType, entityTag: tag);
            }).AllowAnonymous();
        }
    }

    private static byte[] Read(string name)
    {
        using var resource = typeof(PageFiles).Assembly.GetManifestResourceStream(name)!;
        var content = new byte[resource.Length];
        resource.ReadExactly(content);
        return content;
    }
}
