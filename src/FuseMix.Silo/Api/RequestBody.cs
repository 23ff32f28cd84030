using System.Text.Json.Serialization.Metadata;
using FuseMix.Storage;
using Microsoft.AspNetCore.Http;

namespace FuseMix.Silo.Api;

/// <summary>Reads the bodies of requests into memory, up to a limit.</summary>
internal static class RequestBody
{
    /// <summary>Largest JSON document that is read unless a route says otherwise, in bytes.</summary>
    private const int MaxDocument = 1 << 20;

    /// <summary>A JSON document, of which every key must be known.</summary>
    /// <param name="request">The request.</param>
    /// <param name="type">What it is.</param>
    /// <param name="cancellationToken">The caller has gone.</param>
    /// <param name="limit">Most bytes to take.</param>
    /// <exception cref="FuseMixException">It is not such JSON; the message names the key and its place.</exception>
    /// <exception cref="BadHttpRequestException">It says to be something else (415), is too large (413), or broke off.</exception>
    public static async Task<T> ReadJson<T>(HttpRequest request, JsonTypeInfo<T> type, CancellationToken cancellationToken, int limit = MaxDocument) =>
        StrictJson.Read(await ReadJson(request, limit, cancellationToken), type, "The body of the request");

    /// <summary>A JSON document that may be left out: then it is null.</summary>
    /// <inheritdoc cref="ReadJson{T}(HttpRequest, JsonTypeInfo{T}, CancellationToken, int)"/>
    public static async Task<T?> ReadOptionalJson<T>(HttpRequest request, JsonTypeInfo<T> type, CancellationToken cancellationToken)
        where T : class
    {
        if (request.ContentLength == 0 || (request.ContentLength is null && request.ContentType is null)) return null;
        return await ReadJson(request, type, cancellationToken);
    }

    /// <summary>All of a body.</summary>
    /// <param name="request">The request.</param>
    /// <param name="limit">Most bytes to take, whether the request says beforehand how many come or not.</param>
    /// <param name="cancellationToken">The caller has gone.</param>
    /// <exception cref="BadHttpRequestException">There is more (status 413), or it broke off.</exception>
    public static async Task<byte[]> Read(HttpRequest request, int limit, CancellationToken cancellationToken)
    {
        if (request.ContentLength > limit) throw TooLarge(limit);
        using var content = new MemoryStream((int)(request.ContentLength ?? 0));
        var buffer = new byte[1 << 16];
        int read;
        while ((read = await request.Body.ReadAsync(buffer, cancellationToken)) > 0)
        {
            if (content.Length + read > limit) throw TooLarge(limit);
            content.Write(buffer, 0, read);
        }

        return content.ToArray();
    }

    /// <summary>Refuses a body that says to be something else.</summary>
    /// <exception cref="BadHttpRequestException">It does (415).</exception>
    public static void RequireType(HttpRequest request, bool holds, string expected)
    {
        if (holds) return;
        throw new BadHttpRequestException(
            $"The body must be {expected}, but its content type is '{request.ContentType}'.", StatusCodes.Status415UnsupportedMediaType);
    }

    private static async Task<byte[]> ReadJson(HttpRequest request, int limit, CancellationToken cancellationToken)
    {
        RequireType(request, request.HasJsonContentType(), "application/json");
        return await Read(request, limit, cancellationToken);
    }

    private static BadHttpRequestException TooLarge(int limit) =>
        new($"The body of the request is larger than {limit >> 20} MiB.", StatusCodes.Status413PayloadTooLarge);
}
