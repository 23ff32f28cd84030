using System.Globalization;
using System.Text;
using FuseMix.Silo.Describing;
using Microsoft.AspNetCore.Http;

namespace FuseMix.Silo.Api;

/// <summary>The parameters of a query string, read strictly: what is unknown, given twice or not UTF-8 is refused rather than guessed
/// at.</summary>
internal sealed class QueryParameters
{
    // The framework's own reader puts U+FFFD or the escapes themselves in the place of bytes that are not UTF-8.
    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly Dictionary<string, string> _values = new(StringComparer.Ordinal);

    /// <summary>Reads the query string of a request.</summary>
    /// <param name="request">The request.</param>
    /// <param name="known">Every parameter that its address takes.</param>
    /// <exception cref="FuseMixException">A parameter is unknown (the nearest one is named), given twice or not UTF-8.</exception>
    public QueryParameters(HttpRequest request, params string[] known)
    {
        foreach (var part in (request.QueryString.Value ?? "").TrimStart('?').Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            var equals = part.IndexOf('=', StringComparison.Ordinal);
            var name = Decode(equals < 0 ? part : part[..equals], "The name of a query parameter");
            if (known.Length == 0)
                throw new FuseMixException(
                    FailureKind.Invalid, $"'{request.Path}' takes no query parameters, but '{name}' was given.", "Leave it out.");
            if (!known.Contains(name, StringComparer.Ordinal))
                throw FuseMixException.UnknownName("query parameter", name, known, FailureKind.Invalid);
            if (!_values.TryAdd(name, equals < 0 ? "" : Decode(part[(equals + 1)..], $"Query parameter '{name}'")))
                throw new FuseMixException(FailureKind.Invalid, $"Query parameter '{name}' is given twice.", "Give it once.");
        }
    }

    /// <summary>Reads the query string of a request as its route describes it.</summary>
    /// <exception cref="FuseMixException">A parameter is unknown (the nearest one is named), given twice or not UTF-8.</exception>
    public static QueryParameters Of(HttpRequest request) =>
        new(
            request,
            [.. (request.HttpContext.GetEndpoint()?.Metadata.GetMetadata<ApiRoute>()?.Query ?? []).Select(parameter => parameter.Name)]);

    /// <summary>The value of a parameter, white space and all; null where it is missing.</summary>
    public string? Given(string name) => _values.GetValueOrDefault(name);

    /// <summary>The value of a parameter; null where it is missing or blank.</summary>
    public string? Text(string name) => _values.TryGetValue(name, out var value) && !string.IsNullOrWhiteSpace(value) ? value : null;

    /// <summary>The value of a parameter that is a whole number; null where it is missing or blank.</summary>
    /// <exception cref="FuseMixException">It is something else.</exception>
    public int? Integer(string name) => Text(name) is not { } text ? null
        : int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number
        : throw new FuseMixException(
            FailureKind.Invalid, $"Query parameter '{name}' is '{text}', which is not a whole number in range.", $"Give e.g. {name}=10.");

    /// <summary>The value of a parameter that must be there.</summary>
    /// <exception cref="FuseMixException">It is missing or blank.</exception>
    public string Required(string name, string example) => Text(name)
        ?? throw new FuseMixException(FailureKind.Invalid, $"Query parameter '{name}' is missing.", $"Give e.g. {name}={example}.");

    /// <summary>The value of a parameter that is one of a few words; null where it is missing or blank.</summary>
    /// <exception cref="FuseMixException">It is another word; the nearest one is named.</exception>
    public string? Word(string name, params string[] words) => Text(name) is not { } text || words.Contains(text, StringComparer.Ordinal)
        ? Text(name)
        : throw FuseMixException.UnknownName($"value of query parameter '{name}'", text, words, FailureKind.Invalid);

    /// <summary>Whether a parameter is "true".</summary>
    /// <exception cref="FuseMixException">It is neither that nor "false".</exception>
    public bool Flag(string name) => Word(name, "true", "false") == "true";

    private static string Decode(string escaped, string what)
    {
        var bytes = new byte[escaped.Length];
        var count = 0;
        for (var i = 0; i < escaped.Length; i++)
        {
            if (escaped[i] == '%')
            {
                if (i + 2 >= escaped.Length
                    || !byte.TryParse(
                        escaped.AsSpan(i + 1, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out bytes[count]))
                {
                    throw new FuseMixException(
                        FailureKind.Invalid, $"{what} has a '%' that two hexadecimal digits do not follow.", "Write '%' itself as %25.");
                }

                i += 2;
            }
            else
            {
                // The server lets nothing but ASCII through in an address.
                bytes[count] = escaped[i] == '+' ? (byte)' ' : (byte)escaped[i];
            }

            count++;
        }

        try
        {
            return Utf8.GetString(bytes, 0, count);
        }
        catch (DecoderFallbackException wrong)
        {
            throw new FuseMixException(FailureKind.Invalid, $"{what} is not UTF-8.", "Escape the bytes of its UTF-8 form.", wrong);
        }
    }
}
