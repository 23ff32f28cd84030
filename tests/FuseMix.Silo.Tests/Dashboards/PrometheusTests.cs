using System.Diagnostics;
using System.Text.RegularExpressions;
using FuseMix.Silo.Tests.Telemetry;
using FuseMix.Testing.Clusters;

namespace FuseMix.Silo.Tests.Dashboards;

/// <summary>Dashboards and alerts on a real Prometheus, which scrapes a real node under load.</summary>
[Collection(WatchedNode.Collection)]
public sealed partial class PrometheusTests(WatchedNode node)
{
    [Fact]
    [Trait("Category", "Slow")]
    public async Task Every_query_of_every_dashboard_and_rule_gives_data()
    {
        Promtool.SkipWithoutPrometheus();
        await using var load = await Load.Start(node);
        await using var prometheus = await Prometheus.Start(node.Client.BaseAddress!);

        // What an alert looks at: its expression without the limit, as within the limit an alert gives nothing.
        var rules = await prometheus.Rules();
        var queries = Dashboard.All().SelectMany(dashboard => dashboard.Queries())
            .Concat(rules.Select(rule => (Where: $"rule {rule.Name}", Query: rule.IsAlert ? WithoutLimit(rule.Query) : rule.Query)))
            .ToList();
        Assert.True(queries.Count > 100, $"Only {queries.Count} queries were found.");
        TestContext.Current.SendDiagnosticMessage($"{queries.Count} queries");

        var started = Stopwatch.GetTimestamp();
        while (queries.Count > 0)
        {
            foreach (var query in queries.ToArray())
            {
                if ((await prometheus.Values(query.Query)).Any(double.IsFinite)) queries.Remove(query);
            }

            Assert.True(
                Stopwatch.GetElapsedTime(started) < Patience.Long * 2,
                $"Without data: {string.Join("", queries.Select(query => $"\n  {query.Where}: {query.Query}"))}");
        }

        Assert.All(await prometheus.Rules(), rule => Assert.Equal((rule.Name, "ok"), (rule.Name, rule.Health)));
    }

    private static string WithoutLimit(string query)
    {
        var limit = Limit().Match(query);
        Assert.True(limit.Success, $"The alert does not end in a limit: {query}");
        return query[..limit.Index];
    }

    [GeneratedRegex(@"\s(==|!=|<=|>=|<|>)\s-?[0-9.]+$")]
    private static partial Regex Limit();
}
