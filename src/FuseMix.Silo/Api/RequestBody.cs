using System.Text.Json.Serialization.Metadata;
using FuseMix.Storage;
using Microsoft.AspNetCore.Http;

namespace FuseMix.Silo.Api;

/// <summary>Reads the bodies of requests, up to a limit, as they are or out of gzip.</summary>
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

    /// <summary>A file, such as a picture, of which the body is nothing else.</summary>
    /// <param name="request">The request.</param>
    /// <param name="limit">Most bytes to take, whether the request says beforehand how many come or not.</param>
    /// <param name="cancellationToken">The caller has gone.</param>
    /// <exception cref="FuseMixException">It was damaged by the program that sent it.</exception>
    /// <exception cref="BadHttpRequestException">It is a form (415), there is more (413), or it broke off.</exception>
    public static async Task<byte[]> ReadFile(HttpRequest request, int limit, CancellationToken cancellationToken)
    {
        const string way = "curl --data-binary @FILE";
        if (IsOfType(request, "multipart/form-data"))
        {
            throw new BadHttpRequestException(
                $"The body must be the bytes of the file alone, not a form ('multipart/form-data') that holds it: {way}",
                StatusCodes.Status415UnsupportedMediaType);
        }

        var content = await Read(request, limit, cancellationToken);

        // The type is no help: curl gives it to whole files as well. Each format has zero bytes in its head; curl -d takes these out, and line
        // ends, too.
        if (content.Length > 0 && IsOfType(request, "application/x-www-form-urlencoded") && !content.AsSpan().ContainsAny("\0\r\n"u8))
        {
            throw new FuseMixException(
                FailureKind.Invalid,
                "The body is no whole file: it has neither zero bytes nor line ends, which 'curl -d' takes out.",
                $"Send the file as it is: {way}");
        }

        return content;
    }

    /// <summary>A body as it is, or out of the gzip that it came in.</summary>
    /// <param name="request">The request, which ends the stream when it ends itself.</param>
    /// <param name="limit">Most bytes to take, in gzip and out of it, whether the request says beforehand how many come or not.</param>
    /// <param name="tooLarge">What is thrown where there is more.</param>
    /// <exception cref="BadHttpRequestException">It came in something else (415).</exception>
    public static Stream Open(HttpRequest request, long limit, Func<Exception> tooLarge)
    {
        if (request.ContentLength > limit) throw tooLarge();
        var encoding = request.Headers.ContentEncoding.ToString();
        if (encoding.ToLowerInvariant() is "" or "identity") return request.Body;
        if (encoding.ToLowerInvariant() is not ("gzip" or "x-gzip"))
        {
            throw new BadHttpRequestException(
                $"The body comes with the content encoding '{encoding}'; it must come as it is, or as gzip.",
                StatusCodes.Status415UnsupportedMediaType);
        }

        var content = new GzippedBody(request.Body, limit, tooLarge);
        request.HttpContext.Response.RegisterForDispose(content);
        return content;
    }

    /// <summary>Refuses a body that says to be something else.</summary>
    /// <exception cref="BadHttpRequestException">It does (415).</exception>
    public static void RequireType(HttpRequest request, string expected, bool holds)
    {
        if (holds) return;
        throw new BadHttpRequestException(
            $"The body must be {expected}, but its content type is '{request.ContentType}'. With curl: -H 'content-type: {expected}'",
            StatusCodes.Status415UnsupportedMediaType);
    }

    /// <summary>Whether a body says to be of a type, whatever else it says.</summary>
    public static bool IsOfType(HttpRequest request, string type) =>
        request.ContentType?.Split(';')[0].Trim().Equals(type, StringComparison.OrdinalIgnoreCase) == true;

    private static async Task<byte[]> ReadJson(HttpRequest request, int limit, CancellationToken cancellationToken)
    {
        RequireType(request, "application/json", request.HasJsonContentType());
        return await Read(request, limit, cancellationToken);
    }

    private static async Task<byte[]> Read(HttpRequest request, int limit, CancellationToken cancellationToken)
    {
        var body = Open(request, limit, TooLarge);
        using var content = new MemoryStream((int)(request.ContentLength ?? 0));
        var buffer = new byte[1 << 16];
        int read;
        while ((read = await body.ReadAsync(buffer, cancellationToken)) > 0)
        {
            if (content.Length + read > limit) throw TooLarge();
            content.Write(buffer, 0, read);
        }

        return content.ToArray();

        BadHttpRequestException TooLarge() =>
            new($"The body of the request is larger than {limit >> 20} MiB.", StatusCodes.Status413PayloadTooLarge);
    }
}
