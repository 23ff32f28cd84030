using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using System.Text.Unicode;

namespace FuseMix.Storage;

/// <summary>Reads JSON that a person wrote: a wrong key or word is refused with the nearest right one.</summary>
public static class StrictJson
{
    /// <summary>Reads a value.</summary>
    /// <param name="json">UTF-8, with or without a byte order mark; comments and trailing commas are allowed.</param>
    /// <param name="type">What it is.</param>
    /// <param name="source">What to call it in failures, e.g. "Recipe 'my.json'".</param>
    /// <exception cref="FuseMixException">It is not such JSON; the message names the key and its place.</exception>
    public static T Read<T>(ReadOnlyMemory<byte> json, JsonTypeInfo<T> type, string source) => To(ReadObject(json, type, source), type, source);

    /// <summary>Reads an object of which every key is a property of <paramref name="type"/> or one of <paramref name="extra"/>.</summary>
    /// <param name="json">UTF-8, with or without a byte order mark; comments and trailing commas are allowed.</param>
    /// <param name="type">What the object stands for.</param>
    /// <param name="source">What to call it in failures.</param>
    /// <param name="extra">Further keys of the outermost object.</param>
    /// <exception cref="FuseMixException">It is not such JSON; the message names the key and its place.</exception>
    public static JsonObject ReadObject(ReadOnlyMemory<byte> json, JsonTypeInfo type, string source, params ReadOnlySpan<string> extra)
    {
        // A byte order mark is not JSON, but editors write it.
        if (json.Span.StartsWith("\uFEFF"u8)) json = json[3..];
        if (IsUtf16(json.Span)) throw new FuseMixException(FailureKind.Invalid, $"{source} is UTF-16 text.", "Write it as UTF-8.");
        if (!Utf8.IsValid(json.Span)) throw new FuseMixException(FailureKind.Invalid, $"{source} is not UTF-8 text.", "Write it as UTF-8.");
        try
        {
            var node = JsonNode.Parse(json.Span, documentOptions: new JsonDocumentOptions
            {
                CommentHandling = JsonCommentHandling.Skip,
                AllowTrailingCommas = true,
                AllowDuplicateProperties = false,
            });
            if (node is not JsonObject result) throw new FuseMixException(FailureKind.Invalid, $"{source} is not a JSON object.");
            CheckKeys(result, type, "", source, extra.ToArray());
            return result;
        }
        catch (Exception e) when (IsMalformed(e))
        {
            throw new FuseMixException(FailureKind.Invalid, $"{source} cannot be read: {e.Message}", inner: e);
        }
    }

    /// <summary>The value that an object stands for.</summary>
    /// <param name="value">The object.</param>
    /// <param name="type">What it stands for.</param>
    /// <param name="source">What to call it in failures.</param>
    /// <exception cref="FuseMixException">A value is of another type or out of its range.</exception>
    public static T To<T>(JsonObject value, JsonTypeInfo<T> type, string source)
    {
        try
        {
            return value.Deserialize(type)!;
        }
        catch (JsonException e) when (e.Path is { } path)
        {
            throw new FuseMixException(FailureKind.Invalid, $"{source} cannot be read: {Wrong(type, path, e.Message)}", inner: e);
        }
        catch (Exception e) when (IsMalformed(e))
        {
            throw new FuseMixException(FailureKind.Invalid, $"{source} cannot be read: {e.Message}", inner: e);
        }
    }

    /// <summary>Says what is wrong with a value. The serializer's own words name types of the program.</summary>
    private static string Wrong(JsonTypeInfo type, string path, string message)
    {
        const string lacking = "including: ";
        var (place, inner) = Find(type, path);
        var what = place.Length == 0 ? "it" : $"'{place}'";
        if (message.StartsWith("The JSON value could not be converted", StringComparison.Ordinal)) return $"{what} must be {Words(inner)}.";
        return message.StartsWith("JSON deserialization for type", StringComparison.Ordinal)
            && message.IndexOf(lacking, StringComparison.Ordinal) is >= 0 and var at
            ? $"{what} lacks {message[(at + lacking.Length)..]}"
            : $"{what}: {message}";
    }

    /// <summary>The place that a path such as <c>$.filter['a b'][0]</c> names, in the form that other failures name places in, and what is
    /// expected there.</summary>
    private static (string Place, JsonTypeInfo? Type) Find(JsonTypeInfo? type, string path)
    {
        var place = "";
        for (var at = 1; at < path.Length;)
        {
            var quoted = path.AsSpan(at).StartsWith("['");
            var end = quoted ? path.IndexOf("']", at, StringComparison.Ordinal)
                : path[at] == '[' ? path.IndexOf(']', at)
                : path.AsSpan(at + 1).IndexOfAny('.', '[') is >= 0 and var next ? at + 1 + next : path.Length;
            if (end < 0) break;
            if (path[at] == '[' && !quoted)
            {
                place += path[at..(end + 1)];
                type = type is { ElementType: { } element } ? type.Options.GetTypeInfo(element) : null;
                at = end + 1;
                continue;
            }

            var key = path[(at + (quoted ? 2 : 1))..end];
            place += place.Length == 0 ? key : $".{key}";
            var member = type?.Kind == JsonTypeInfoKind.Dictionary ? type.ElementType : type?.Properties.FirstOrDefault(p => p.Name == key)?.PropertyType;
            type = member is null ? null : type!.Options.GetTypeInfo(member);
            at = end + (quoted ? 2 : 0);
        }

        return (place, type);
    }

    private static string Words(JsonTypeInfo? type)
    {
        var plain = type is null ? null : Nullable.GetUnderlyingType(type.Type) ?? type.Type;
        return type?.Kind switch
        {
            JsonTypeInfoKind.Object or JsonTypeInfoKind.Dictionary => "an object",
            JsonTypeInfoKind.Enumerable => "a list",
            _ => plain is null ? "of another kind"
                : plain == typeof(string) ? "a text"
                : plain == typeof(bool) ? "true or false"
                : plain == typeof(float) || plain == typeof(double) || plain == typeof(decimal) || plain == typeof(TimeSpan) ? "a number"
                : plain.IsPrimitive ? "a whole number in range"
                : "of another kind",
        };
    }

    /// <summary>Whether a text, which begins with a character of ASCII as all JSON does, has two bytes for it.</summary>
    private static bool IsUtf16(ReadOnlySpan<byte> text) =>
        text.StartsWith((ReadOnlySpan<byte>)[0xFF, 0xFE]) || text.StartsWith((ReadOnlySpan<byte>)[0xFE, 0xFF])
        || (text.Length >= 2 && (text[0] == 0) != (text[1] == 0));

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

            CheckMember(member, inner, $"{place}{key}", source);
        }
    }

    private static void CheckMember(JsonNode? member, JsonTypeInfo type, string place, string source)
    {
        if (member is JsonObject child && type.Kind is JsonTypeInfoKind.Object or JsonTypeInfoKind.Dictionary)
        {
            CheckKeys(child, type, $"{place}.", source, []);
        }
        else if (member is JsonArray list && type is { Kind: JsonTypeInfoKind.Enumerable, ElementType: { } element }
            && type.Options.GetTypeInfo(element) is { Kind: not JsonTypeInfoKind.None } elementType)
        {
            for (var i = 0; i < list.Count; i++) CheckMember(list[i], elementType, $"{place}[{i}]", source);
        }
    }

    /// <remarks>Half a surrogate pair, which no UTF-8 can hold, is an invalid operation where nodes are read.</remarks>
    private static bool IsMalformed(Exception failure) => failure is JsonException or InvalidOperationException;
}
