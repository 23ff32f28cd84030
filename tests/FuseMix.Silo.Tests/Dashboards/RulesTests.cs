using System.Text.RegularExpressions;
using FuseMix.Testing;

namespace FuseMix.Silo.Tests.Dashboards;

public sealed partial class RulesTests
{
    private static string Rules { get; } = Path.Combine(Promtool.Folder, "rules");

    private static string Alerts { get; } = File.ReadAllText(Path.Combine(Rules, "alerts.yml"));

    private static string Page { get; } = File.ReadAllText(Path.Combine(Checkout.Root, "docs", "operations.md"));

    [Fact]
    public async Task Rules_and_configuration_are_valid()
    {
        var (status, output) = await Promtool.Run(["check", "config", Path.Combine(Promtool.Folder, "prometheus.yml")]);
        Assert.True(status == 0, output);
        Assert.Contains("2 rule files found", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Alerts_fire_when_they_should_and_only_then()
    {
        var (status, output) = await Promtool.Run(["test", "rules", .. Directory.EnumerateFiles(Path.Combine(Rules, "tests"), "*.yml")]);
        Assert.True(status == 0, output);
    }

    [Fact]
    public void Every_alert_is_seen_firing_in_a_test()
    {
        var fired = Directory.EnumerateFiles(Path.Combine(Rules, "tests"), "*.yml")
            .SelectMany(file => Fired().Matches(File.ReadAllText(file)))
            .Select(match => match.Groups["name"].Value);
        Assert.Equal(Names().Order(StringComparer.Ordinal), fired.Distinct().Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Every_alert_has_a_section_in_the_operators_page_and_names_it()
    {
        var sections = Section().Matches(Page).Select(match => match.Groups["name"].Value);
        Assert.Equal(Names(), sections);
        Assert.Equal(
            Names().Select(name => $"docs/operations.md#{name.ToLowerInvariant()}"),
            Runbook().Matches(Alerts).Select(match => match.Groups["address"].Value));
    }

    [Fact]
    public void Every_metric_of_ours_is_described_in_the_operators_page()
    {
        // The sources name the instruments; MetersOfNodeTests see that they are there.
        var instruments = Directory.EnumerateFiles(
            Path.Combine(Checkout.Root, "src", "FuseMix.Grains"), "*Metrics.cs", SearchOption.AllDirectories)
            .SelectMany(file => Instrument().Matches(File.ReadAllText(file)))
            .Select(match => match.Groups["name"].Value)
            .ToArray();
        Assert.True(instruments.Length > 20, $"Only {instruments.Length} instruments were found.");
        Assert.All(instruments, instrument => Assert.Contains($"`{instrument}`", Page, StringComparison.Ordinal));
    }

    private static IEnumerable<string> Names() => Alert().Matches(Alerts).Select(match => match.Groups["name"].Value);

    [GeneratedRegex(@"- alert: (?<name>\w+)")]
    private static partial Regex Alert();

    [GeneratedRegex(@"runbook_url: (?<address>\S+)")]
    private static partial Regex Runbook();

    [GeneratedRegex(@"alertname: (?<name>\w+)\s+exp_alerts:\s+- exp_labels")]
    private static partial Regex Fired();

    [GeneratedRegex(@"^### (?<name>FuseMix\w+)$", RegexOptions.Multiline)]
    private static partial Regex Section();

    [GeneratedRegex("\"(?<name>fusemix\\.(search|index|extraction|training|cluster)\\.(?!collection|target|outcome)[a-z_.]+)\",?\\s")]
    private static partial Regex Instrument();
}
