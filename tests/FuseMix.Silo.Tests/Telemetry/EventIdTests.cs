using System.Text.RegularExpressions;
using FuseMix.Testing;

namespace FuseMix.Silo.Tests.Telemetry;

public sealed partial class EventIdTests
{
    [Fact]
    public void A_log_line_is_known_by_its_event_id_in_the_whole_product()
    {
        var lines =
            from file in Directory.EnumerateFiles(Path.Combine(Checkout.Root, "src"), "*.cs", SearchOption.AllDirectories)
            from Match line in Line().Matches(File.ReadAllText(file))
            select (Id: line.Groups["id"].Value, Where: $"{Path.GetFileName(file)}: {line.Groups["text"].Value}");
        var all = lines.ToArray();
        Assert.True(all.Length > 20, $"Only {all.Length} lines were found.");
        var twice = all.GroupBy(line => line.Id).Where(same => same.Count() > 1);
        Assert.Empty(twice.Select(same => $"{same.Key}: {string.Join(" | ", same.Select(line => line.Where))}"));
    }

    [GeneratedRegex("""LoggerMessage\(\s*(?<id>\d+),[^"]*"(?<text>[^"]*)""")]
    private static partial Regex Line();
}
