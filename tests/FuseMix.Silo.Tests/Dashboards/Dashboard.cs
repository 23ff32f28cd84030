using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace FuseMix.Silo.Tests.Dashboards;

/// <summary>A dashboard of Grafana, as far as its queries go.</summary>
internal sealed partial class Dashboard(string name, JsonNode document)
{
    public string Name => name;

    public JsonNode Document => document;

    /// <summary>Every panel that shows something.</summary>
    public IEnumerable<JsonNode> Panels => document["panels"]!.AsArray().Where(panel => (string?)panel!["type"] != "row")!;

    public static Dashboard[] All() =>
        [.. Directory.EnumerateFiles(Promtool.Folder, "*.json").Order(StringComparer.Ordinal).Select(
            file => new Dashboard(Path.GetFileNameWithoutExtension(file), JsonNode.Parse(File.ReadAllText(file))!))];

    /// <summary>Every query, of panels and of variables, with where it stands, as Grafana would ask it for all nodes.</summary>
    public IEnumerable<(string Where, string Query)> Queries()
    {
        foreach (var panel in Panels)
        {
            foreach (var target in panel["targets"]!.AsArray())
                yield return ($"{name}: {panel["title"]} {target!["refId"]}", Fill((string)target["expr"]!));
        }

        foreach (var variable in document["templating"]!["list"]!.AsArray().Where(variable => (string?)variable!["type"] == "query"))
        {
            var values = LabelValues().Match((string)variable!["query"]!["query"]!);
            yield return ($"{name}: variable {variable["name"]}", Fill($"count by ({values.Groups["label"].Value}) "
                + $"({values.Groups["selector"].Value})"));
        }
    }

    private static string Fill(string query) => query
        .Replace("$__rate_interval", "10s", StringComparison.Ordinal)
        .Replace("$job", ".*", StringComparison.Ordinal)
        .Replace("$instance", ".*", StringComparison.Ordinal);

    [GeneratedRegex(@"^label_values\((?<selector>.*), (?<label>\w+)\)$")]
    private static partial Regex LabelValues();
}
