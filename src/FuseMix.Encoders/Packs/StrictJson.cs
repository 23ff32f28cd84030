using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using System.Text.Unicode;

namespace FuseMix.Encoders.Packs;

/// <summary>Reads a file that a person wrote: a wrong key or word is refused with the nearest right one.</summary>
internal static class StrictJson
{
    /// <summary>Reads a value, or fails naming the key, its place and <paramref name="source"/>.</summary>
    public static T Read<T>(ReadOnlyMemory<byte> json, JsonTypeInfo<T> type, string source)
    {
        // A byte order mark is not JSON, but editors write it.
        if (json.Span.StartsWith("\uFEFF"u8)) json = json[3..];
        if (!Utf8.IsValid(json.Span)) throw new FuseMixException(FailureKind.Invalid, $"{source} is not UTF-8 text.", "Save it as UTF-8.");
        try
        {
            using var document = JsonDocument.Parse(json, new JsonDocumentOptions
            {
                CommentHandling = JsonCommentHandling.Skip,
                AllowTrailingCommas = true,
                AllowDuplicateProperties = false,
            });
            CheckKeys(document.RootElement, type, "", source);
            return document.RootElement.Deserialize(type)
                ?? throw new FuseMixException(FailureKind.Invalid, $"{source} is null; an object is expected.");
        }
        catch (JsonException e)
        {
            throw new FuseMixException(FailureKind.Invalid, $"{source} cannot be read: {e.Message}", inner: e);
        }
    }

    private static void CheckKeys(JsonElement element, JsonTypeInfo type, string place, string source)
    {
        if (element.ValueKind != JsonValueKind.Object || type.Kind != JsonTypeInfoKind.Object) return;
        foreach (var member in element.EnumerateObject())
        {
            var property = type.Properties.FirstOrDefault(p => p.Name == member.Name);
            if (property is null)
            {
                var known = type.Properties.Select(p => p.Name).ToArray();
                var nearest = NearestName.Of(member.Name, known);
                throw new FuseMixException(
                    FailureKind.Invalid,
                    $"{source} has an unknown key '{place}{member.Name}'.",
                    nearest is null ? $"Known keys here: {string.Join(", ", known)}." : $"Did you mean '{place}{nearest}'?");
            }

            CheckKeys(member.Value, type.Options.GetTypeInfo(property.PropertyType), $"{place}{member.Name}.", source);
        }
    }
}

/// <summary>An enum as a camel-case word; another word is refused with the nearest one.</summary>
internal sealed class WordConverter<T> : JsonConverter<T>
    where T : struct, Enum
{
    private static readonly Dictionary<string, T> Words =
        Enum.GetValues<T>().ToDictionary(value => JsonNamingPolicy.CamelCase.ConvertName(value.ToString()));

    public override T Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        var word = reader.TokenType == JsonTokenType.String ? reader.GetString()! : throw new JsonException(Expected());
        if (Words.TryGetValue(word, out var value)) return value;
        var nearest = NearestName.Of(word, Words.Keys);
        throw new JsonException($"'{word}' is unknown. {(nearest is null ? Expected() : $"Did you mean '{nearest}'?")}");
    }

    public override void Write(Utf8JsonWriter writer, T value, JsonSerializerOptions options) =>
        writer.WriteStringValue(JsonNamingPolicy.CamelCase.ConvertName(value.ToString()));

    private static string Expected() => $"One of these words is expected: {string.Join(", ", Words.Keys)}.";
}
