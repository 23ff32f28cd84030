namespace FuseMix.Silo.Tests.Dashboards;

public sealed class DashboardTests
{
    [Fact]
    public void There_is_one_for_each_thing_that_a_cluster_does() =>
        Assert.Equal(["cluster", "extraction", "search", "training"], Dashboard.All().Select(dashboard => dashboard.Name));

    [Fact]
    public void Each_is_found_by_a_name_of_its_own_and_leads_to_the_others()
    {
        foreach (var dashboard in Dashboard.All())
        {
            Assert.Equal($"fusemix-{dashboard.Name}", (string?)dashboard.Document["uid"]);
            Assert.StartsWith("FuseMix / ", (string?)dashboard.Document["title"], StringComparison.Ordinal);
            Assert.Equal("fusemix", (string?)dashboard.Document["tags"]![0]);
            Assert.Equal("fusemix", (string?)dashboard.Document["links"]![0]!["tags"]![0]);
        }
    }

    [Fact]
    public void Every_query_asks_the_chosen_Prometheus_for_the_chosen_nodes()
    {
        foreach (var dashboard in Dashboard.All())
        {
            foreach (var target in dashboard.Panels.SelectMany(panel => panel["targets"]!.AsArray()))
            {
                Assert.Equal("${datasource}", (string?)target!["datasource"]!["uid"]);
                var query = (string)target["expr"]!;
                Assert.Equal(query.Split('{').Length, query.Split("job=~\"$job\",instance=~\"$instance\"").Length);
            }
        }
    }

    [Fact]
    public void No_panel_lies_on_another()
    {
        foreach (var dashboard in Dashboard.All())
        {
            var taken = new Dictionary<(int X, int Y), string>();
            foreach (var panel in dashboard.Panels)
            {
                var place = panel["gridPos"]!;
                var (x, y, w, h) = ((int)place["x"]!, (int)place["y"]!, (int)place["w"]!, (int)place["h"]!);
                Assert.True(x >= 0 && x + w <= 24, $"{dashboard.Name}: {panel["title"]} reaches over the edge.");
                foreach (var cell in from column in Enumerable.Range(x, w) from row in Enumerable.Range(y, h) select (column, row))
                    Assert.True(
                        taken.TryAdd(cell, (string)panel["title"]!),
                        $"{dashboard.Name}: {panel["title"]} lies on {taken.GetValueOrDefault(cell)}.");
            }
        }
    }
}
