using FuseMix.Silo.Tests.Dashboards;

namespace FuseMix.Silo.Tests.Telemetry;

[Collection(WatchedNode.Collection)]
public sealed class TelemetryHostingTests(WatchedNode node)
{
    [Fact]
    public async Task A_node_tells_Prometheus_what_it_does()
    {
        await node.Get("/api/v1/collections/boats/search?q=a+cat");
        var page = await node.ScrapeUntil("fusemix_search_encode_duration_seconds_count");
        foreach (var series in (string[])
        [
            "fusemix_search_duration_seconds_bucket{",
            "fusemix_search_queries_total{outcome=\"complete\"} ",
            "fusemix_search_queries_total{outcome=\"failed\"} ",
            "fusemix_search_encode_duration_seconds_count{modality=\"text\"} ",
            "fusemix_search_shard_duration_seconds_sum{outcome=\"answered\"} ",
            "fusemix_index_shards",
            "fusemix_extraction_items_total{modality=\"image\",outcome=\"encoded\"} ",
            "fusemix_training_steps_total",
            "fusemix_training_loss",
            "fusemix_cluster_nodes{",
            "http_server_request_duration_seconds_bucket{",
            "dotnet_process_memory_working_set_bytes",
            "target_info{",
        ])
        {
            Assert.Contains($"\n{series}", $"\n{page}", StringComparison.Ordinal);
        }

        Assert.Contains("service_name=\"fusemix\"", page, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_Prometheus_gets_is_well_formed_and_our_names_are_as_it_likes_them()
    {
        var page = await node.ScrapeUntil("fusemix_cluster_nodes");
        var (status, output) = await Promtool.Run(["check", "metrics"], page);

        // 3: well formed, but there is something to say, and .NET's and Orleans' names are not ours to choose.
        Assert.True(status is 0 or 3, output);
        Assert.All(
            output.Split('\n', StringSplitOptions.RemoveEmptyEntries),
            line => Assert.True(
                line.StartsWith("dotnet_", StringComparison.Ordinal) || line.StartsWith("orleans_", StringComparison.Ordinal), line));
    }

    [Fact]
    public async Task Probes_and_scrapes_are_not_in_the_figures_of_requests()
    {
        foreach (var address in (string[])["/health/live", "/health/ready", "/metrics", "/api/v1/cluster"])
            await node.Client.GetStringAsync(address, TestContext.Current.CancellationToken);
        var page = await node.ScrapeUntil("http_route=\"/api/v1/cluster");
        Assert.DoesNotContain("http_route=\"/health", page, StringComparison.Ordinal);
        Assert.DoesNotContain("http_route=\"/metrics", page, StringComparison.Ordinal);
    }
}
