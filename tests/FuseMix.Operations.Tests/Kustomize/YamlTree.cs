using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace FuseMix.Operations.Tests.Kustomize;

/// <summary>Reading, walking and writing YAML as a tree of nodes.</summary>
internal static class YamlTree
{
    /// <summary>The documents of a text; a key that is there twice fails.</summary>
    public static IReadOnlyList<YamlMappingNode> Parse(string text)
    {
        var stream = new YamlStream();
        stream.Load(new StringReader(text));
        return [.. stream.Documents.Select(document => (YamlMappingNode)document.RootNode)];
    }

    /// <summary>A document as text, every string that could be taken for something else in quotes.</summary>
    public static string Write(YamlNode document)
    {
        var writer = new StringWriter();
        new YamlStream(new YamlDocument(document)).Save(writer, assignAnchors: false);
        return writer.ToString();
    }

    /// <summary>The node at a path of keys; null where one of them is missing.</summary>
    public static YamlNode? At(this YamlNode node, params ReadOnlySpan<string> path)
    {
        var at = node;
        foreach (var key in path)
        {
            if (at is not YamlMappingNode map || !map.Children.TryGetValue(key, out at)) return null;
        }

        return at;
    }

    /// <summary>The text at a path of keys; null where it is missing.</summary>
    public static string? Text(this YamlNode node, params ReadOnlySpan<string> path) => (node.At(path) as YamlScalarNode)?.Value;

    /// <summary>The elements of the list at a path of keys; none where it is missing.</summary>
    public static IEnumerable<YamlNode> List(this YamlNode node, params ReadOnlySpan<string> path) =>
        node.At(path) is YamlSequenceNode list ? list.Children : [];

    /// <summary>The mapping under a key, which is made where it is missing.</summary>
    public static YamlMappingNode Map(this YamlMappingNode node, string key)
    {
        if (node.At(key) is YamlMappingNode there) return there;
        var made = new YamlMappingNode();
        node.Children[key] = made;
        return made;
    }

    /// <summary>Keys and texts of the mapping at a path; none where it is missing.</summary>
    public static IReadOnlyDictionary<string, string> Pairs(this YamlNode node, params ReadOnlySpan<string> path) =>
        node.At(path) is YamlMappingNode map
            ? map.Children.ToDictionary(pair => ((YamlScalarNode)pair.Key).Value!, pair => ((YamlScalarNode)pair.Value).Value!)
            : new Dictionary<string, string>();

    /// <summary>The same tree in nodes of its own.</summary>
    public static YamlNode Copy(this YamlNode node) => node switch
    {
        YamlScalarNode scalar => new YamlScalarNode(scalar.Value) { Style = scalar.Style, Tag = scalar.Tag },
        YamlSequenceNode list => new YamlSequenceNode(list.Children.Select(Copy)),
        YamlMappingNode map => new YamlMappingNode(map.Children.Select(pair => KeyValuePair.Create(pair.Key.Copy(), pair.Value.Copy()))),
        _ => throw new NotSupportedException($"YAML node {node.NodeType}"),
    };

    /// <summary>
    /// The tree in one spelling, whatever its order of keys and style of quotes: two trees are equal where this is. Strings are in quotes,
    /// numbers, booleans and null are not.
    /// </summary>
    public static string Canonical(this YamlNode node) => node switch
    {
        YamlScalarNode { Style: ScalarStyle.Plain, Value: var value } when IsPlainNonString(value) => value!,
        YamlScalarNode scalar => $"\"{scalar.Value}\"",
        YamlSequenceNode list => $"[{string.Join(", ", list.Children.Select(Canonical))}]",
        YamlMappingNode map => $"{{{string.Join(", ", map.Children.Select(pair => $"{pair.Key.Canonical()}: {pair.Value.Canonical()}").Order(StringComparer.Ordinal))}}}",
        _ => throw new NotSupportedException($"YAML node {node.NodeType}"),
    };

    private static bool IsPlainNonString(string? value) =>
        value is null or "" or "null" or "~" or "true" or "false" || double.TryParse(
            value, System.Globalization.CultureInfo.InvariantCulture, out _);
}
