using System.Text.Json;
using System.Text.Json.Serialization;

namespace FuseMix.Core;

/// <summary>Bytes as base64. It is read in all its forms: of the standard and the URL-safe alphabet, padded or not, in lines, and as a data
/// URI.</summary>
public sealed class Base64Converter : JsonConverter<byte[]>
{
    private const string DataScheme = "data:";
    private const string Base64Mark = ";base64";

    /// <inheritdoc/>
    public override byte[] Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        if (reader.TokenType != JsonTokenType.String) throw new JsonException("base64 is expected.");
        return reader.TryGetBytesFromBase64(out var bytes) ? bytes : Parse(reader.GetString()!);
    }

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, byte[] value, JsonSerializerOptions options) => writer.WriteBase64StringValue(value);

    private static byte[] Parse(string text)
    {
        if (text.StartsWith(DataScheme, StringComparison.OrdinalIgnoreCase))
        {
            var comma = text.IndexOf(',', StringComparison.Ordinal);
            if (comma < 0 || !text.AsSpan(0, comma).TrimEnd().EndsWith(Base64Mark, StringComparison.OrdinalIgnoreCase))
                throw new JsonException("a data URI must hold base64: data:image/png;base64,….");
            text = Uri.UnescapeDataString(text[(comma + 1)..]);
        }

        var standard = string.Concat(text.Where(c => !char.IsWhiteSpace(c))).Replace('-', '+').Replace('_', '/');
        var unpadded = standard.TrimEnd('=');
        var bytes = new byte[(unpadded.Length * 3L / 4) + 3];
        if (standard.Length - unpadded.Length <= 2
            && Convert.TryFromBase64String(unpadded.PadRight((unpadded.Length + 3) / 4 * 4, '='), bytes, out var count))
        {
            return bytes[..count];
        }

        throw new JsonException("it is not base64.");
    }
}
