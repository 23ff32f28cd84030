using System.Text.Json;
using System.Text.Json.Serialization;

namespace FuseMix.Core;

/// <summary>An enum as a camel-case word, also as a key; another word is refused with the nearest one.</summary>
public sealed class WordConverter<T> : JsonConverter<T>
    where T : struct, Enum
{
    private static readonly Dictionary<string, T> Words =
        Enum.GetValues<T>().ToDictionary(value => JsonNamingPolicy.CamelCase.ConvertName(value.ToString()));

    /// <inheritdoc/>
    public override T Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TokenType == JsonTokenType.String ? Parse(reader.GetString()!) : throw new JsonException(Expected());

    /// <inheritdoc/>
    public override T ReadAsPropertyName(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        Parse(reader.GetString()!);

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, T value, JsonSerializerOptions options) => writer.WriteStringValue(Word(value));

    /// <inheritdoc/>
    public override void WriteAsPropertyName(Utf8JsonWriter writer, T value, JsonSerializerOptions options) =>
        writer.WritePropertyName(Word(value));

    private static string Word(T value) => JsonNamingPolicy.CamelCase.ConvertName(value.ToString());

    private static T Parse(string word)
    {
        if (Words.TryGetValue(word, out var value)) return value;
        var nearest = NearestName.Of(word, Words.Keys);
        throw new JsonException($"'{word}' is unknown. {(nearest is null ? Expected() : $"Did you mean '{nearest}'?")}");
    }

    private static string Expected() => $"One of these words is expected: {string.Join(", ", Words.Keys)}.";
}
