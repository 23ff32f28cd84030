using System.Diagnostics;
using FuseMix.Client;
using FuseMix.Client.Grains;
using FuseMix.Contracts.Search;
using FuseMix.Testing.Clusters;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans;
using Orleans.Hosting;

namespace FuseMix.Benchmarks.Cluster.Latency;

/// <summary>What the way to an answer costs: searches of a collection so small that its scan takes microseconds.</summary>
internal static class LatencyRun
{
    public static async Task Run(string database, int silos, int searches)
    {
        using var home = TestHome.Create();
        await using var cluster = new SiloCluster(
            home, "Cluster:Kind=PostgreSql", $"Cluster:ConnectionString={database}", "Node:ShardReplicas=2");
        await cluster.StartAsync("gateway+index+extract+train@silo-0");
        for (var i = 1; i < silos; i++) await cluster.StartAsync($"gateway+index@silo-{i}");
        await cluster.Sees(silos);
        using var http = cluster.Client();
        await BusyWork.Prepare(new HomeJobs(http));

        var builder = Host.CreateApplicationBuilder();
        builder.Logging.ClearProviders();
        builder.UseOrleansClient(client => client
            .UseFuseMix()
            .UseAdoNetClustering(options => (options.Invariant, options.ConnectionString) = ("Npgsql", database)));
        using var host = builder.Build();
        await host.StartAsync();
        var grains = new GrainFuseMixClient(host.Services.GetRequiredService<IGrainFactory>());

        var queries = BusyWork.Queries();
        (string Name, SearchRequest[] Queries)[] kinds = [("text", queries[..8]), ("picture", queries[8..16]), ("item", queries[16..])];
        (string Name, IFuseMixClient Client)[] ways = [("HTTP", http), ("grain call", grains)];
        Console.WriteLine($"{silos} silos, a collection of 10 shards, 2 replicas of each; {searches} searches a row; load {Load()}");
        Console.WriteLine("  query    way         callers    p50 ms    p99 ms   in the search grain p50 ms    searches/s");
        foreach (var (kind, requests) in kinds)
        {
            foreach (var callers in (int[])[1, 8])
            {
                foreach (var (way, client) in ways)
                {
                    await Measure(client, requests, searches / 4, callers);
                    var (whole, within, rate) = await Measure(client, requests, searches, callers);
                    Console.WriteLine(
                        $"  {kind,-8} {way,-10} {callers,8} {At(whole, 0.5),9:F2} {At(whole, 0.99),9:F2} {At(within, 0.5),28:F2} "
                            + $"{rate,13:F0}");
                }
            }
        }

        Console.WriteLine($"load {Load()}");
        await host.StopAsync();
    }

    private static async Task<(double[] Whole, double[] Within, double Rate)> Measure(
        IFuseMixClient client, SearchRequest[] requests, int searches, int callers)
    {
        var whole = new double[searches];
        var within = new double[searches];
        var next = -1;
        var began = Stopwatch.GetTimestamp();
        await Task.WhenAll(Enumerable.Range(0, callers).Select(_ => Task.Run(async () =>
        {
            for (var i = Interlocked.Increment(ref next); i < searches; i = Interlocked.Increment(ref next))
            {
                var started = Stopwatch.GetTimestamp();
                var answer = await client.Search(requests[i % requests.Length]);
                whole[i] = Stopwatch.GetElapsedTime(started).TotalMilliseconds;
                within[i] = answer.Elapsed.TotalMilliseconds;
                if (!answer.Complete) throw new InvalidOperationException($"An answer lacks {string.Join(", ", answer.MissingShards)}.");
            }
        })));
        return (whole, within, searches / Stopwatch.GetElapsedTime(began).TotalSeconds);
    }

    private static double At(double[] values, double quantile) => values.Order().ElementAt((int)((values.Length - 1) * quantile));

    private static string Load() => File.ReadAllText("/proc/loadavg").Split(' ')[0];
}
