using System.Text.Json;
using System.Text.Json.Serialization;

namespace FuseMix.Data;

/// <summary>A fingerprint in JSON: its 64 digits as a text.</summary>
internal sealed class FingerprintJson : JsonConverter<Fingerprint>
{
    public override Fingerprint Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TokenType == JsonTokenType.String && reader.GetString() is { Length: 64 } hex && hex.All(char.IsAsciiHexDigitLower)
            ? new Fingerprint(hex)
            : throw new JsonException("A fingerprint is a text of 64 lower-case hexadecimal digits.");

    public override void Write(Utf8JsonWriter writer, Fingerprint value, JsonSerializerOptions options) =>
        writer.WriteStringValue(value.Hex);
}
