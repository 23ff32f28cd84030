using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace FuseMix.Training.Recipe;

/// <summary>Reads JSON that a person wrote: a wrong key or word is refused with the nearest right one.</summary>
internal static class StrictJson
{
    /// <summary>Reads an object of which every key must be a property of <paramref name="type"/> or one of <paramref name="extra"/>.</summary>
    public static JsonObject ReadObject(string json, JsonTypeInfo type, string source, params ReadOnlySpan<string> extra)
    {
        try
        {
            var node = JsonNode.Parse(json, documentOptions: new JsonDocumentOptions
            {
                CommentHandling = JsonCommentHandling.Skip,
                AllowTrailingCommas = true,
                AllowDuplicateProperties = false,
            });
            if (node is not JsonObject result) throw new FuseMixException(FailureKind.Invalid, $"{source} is not a JSON object.");
            CheckKeys(result, type, "", source, extra.ToArray());
            return result;
        }
        catch (JsonException e)
        {
            throw new FuseMixException(FailureKind.Invalid, $"{source} cannot be read: {e.Message}", inner: e);
        }
    }

    /// <summary>The value that an object stands for.</summary>
    public static T To<T>(JsonObject value, JsonTypeInfo<T> type, string source)
    {
        try
        {
            return value.Deserialize(type)!;
        }
        catch (JsonException e)
        {
            throw new FuseMixException(FailureKind.Invalid, $"{source} cannot be read: {e.Message}", inner: e);
        }
    }

    private static void CheckKeys(JsonObject value, JsonTypeInfo type, string place, string source, string[] extra)
    {
        foreach (var (key, member) in value)
        {
            var inner = type;
            if (type.Kind == JsonTypeInfoKind.Dictionary)
            {
                inner = type.Options.GetTypeInfo(type.ElementType!);
            }
            else
            {
                if (extra.Contains(key)) continue;
                var property = type.Properties.FirstOrDefault(p => p.Name == key);
                if (property is null)
                {
                    string[] known = [.. type.Properties.Select(p => p.Name), .. extra];
                    var nearest = NearestName.Of(key, known);
                    throw new FuseMixException(
                        FailureKind.Invalid,
                        $"{source} has an unknown key '{place}{key}'.",
                        nearest is null ? $"Known keys here: {string.Join(", ", known)}." : $"Did you mean '{place}{nearest}'?");
                }

                inner = type.Options.GetTypeInfo(property.PropertyType);
            }

            if (member is JsonObject child && inner.Kind is JsonTypeInfoKind.Object or JsonTypeInfoKind.Dictionary)
            {
                CheckKeys((JsonObject)member!, inner, $"{place}{key}.", source, []);
            }
        }
    }
}

/// <summary>An enum as a camel-case word, also as a key; another word is refused with the nearest one.</summary>
internal sealed class WordConverter<T> : JsonConverter<T>
    where T : struct, Enum
{
    private static readonly Dictionary<string, T> Words =
        Enum.GetValues<T>().ToDictionary(value => JsonNamingPolicy.CamelCase.ConvertName(value.ToString()));

    public override T Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TokenType == JsonTokenType.String ? Parse(reader.GetString()!) : throw new JsonException(Expected());

    public override T ReadAsPropertyName(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        Parse(reader.GetString()!);

    public override void Write(Utf8JsonWriter writer, T value, JsonSerializerOptions options) => writer.WriteStringValue(Word(value));

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
