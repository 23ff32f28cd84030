using Microsoft.AspNetCore.Http;

namespace FuseMix.Silo.Api;

/// <summary>Reads the bodies of requests into memory, up to a limit.</summary>
internal static class RequestBody
{
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

    private static BadHttpRequestException TooLarge(int limit) =>
        new($"The body of the request is larger than {limit >> 20} MiB.", StatusCodes.Status413PayloadTooLarge);
}
