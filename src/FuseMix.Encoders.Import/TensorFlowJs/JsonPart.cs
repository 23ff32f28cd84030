using System.Globalization;
using System.Text;
using System.Text.Json;

namespace FuseMix.Encoders.Import.TensorFlowJs;

/// <summary>A value in a model's JSON that knows its place, so that whatever is missing or of another kind is named.</summary>
internal readonly struct JsonPart(JsonElement element, string path)
{
    /// <summary>Where this value is, e.g. <c>model.json: weightsManifest[0].paths</c>.</summary>
    public string Path => path;

    public bool IsNull => element.ValueKind is JsonValueKind.Null or JsonValueKind.Undefined;

    /// <summary>A member that must be there.</summary>
    public JsonPart this[string key] => Find(key) ?? throw Failure($"has no '{key}'");

    /// <summary>A member, or null where it is missing or null.</summary>
    public JsonPart? Find(string key)
    {
        if (element.ValueKind != JsonValueKind.Object) throw Failure("is not an object");
        return element.TryGetProperty(key, out var member) && member.ValueKind != JsonValueKind.Null
            ? new JsonPart(member, $"{path}.{key}")
            : null;
    }

    public IReadOnlyList<JsonPart> Items()
    {
        if (element.ValueKind != JsonValueKind.Array) throw Failure("is not a list");
        var items = new List<JsonPart>(element.GetArrayLength());
        foreach (var item in element.EnumerateArray()) items.Add(new JsonPart(item, $"{path}[{items.Count}]"));
        return items;
    }

    public string Text()
    {
        if (element.ValueKind != JsonValueKind.String) throw Failure("is not a text");
        try
        {
            return element.GetString()!;
        }
        catch (InvalidOperationException)
        {
            throw Failure("is not a valid text");
        }
    }

    /// <summary>A text that protobuf's JSON carries as bytes: in base64, or as a list of numbers.</summary>
    public string Bytes()
    {
        if (element.ValueKind == JsonValueKind.Array)
        {
            var bytes = Items().Select(item => item.Int(0, 255));
            return string.Concat(bytes.Select(b => (char)b));
        }

        try
        {
            return Encoding.ASCII.GetString(Convert.FromBase64String(Text()));
        }
        catch (FormatException)
        {
            throw Failure("is not base64");
        }
    }

    public bool Bool() => element.ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => throw Failure("is neither true nor false"),
    };

    public double Double() => element.ValueKind == JsonValueKind.Number && element.TryGetDouble(out var value) && double.IsFinite(value)
        ? value
        : throw Failure("is not a number");

    /// <summary>A whole number in a range; protobuf's JSON writes 64-bit ones as texts.</summary>
    public int Int(int least, int most)
    {
        var digits = element.ValueKind is JsonValueKind.Number or JsonValueKind.String ? element.GetRawText().Trim('"') : "";
        return double.TryParse(digits, NumberStyles.Float, CultureInfo.InvariantCulture, out var value)
            && value >= least && value <= most && Math.Floor(value) == value
            ? (int)value
            : throw Failure($"is not a whole number from {least} to {most}");
    }

    public FuseMixException Failure(string why) => new(FailureKind.Corrupt, $"{path} {why}.", "Fetch the package again.");
}
