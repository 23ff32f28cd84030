// The snippets of docs/orleans-client.md, as they are compiled and run; OrleansClientPageTests compares them.
using FuseMix.Clustering.Azure;
using FuseMix.Clustering.PostgreSql;
using FuseMix.Contracts.Search;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Orleans;

namespace FuseMix.Silo.Tests.Processes.Clusters;

internal static class OrleansClientSample
{
    public static async Task<IReadOnlyList<string>> WithPostgreSql(string connectionString)
    {
        // [postgresql]
        var builder = Host.CreateApplicationBuilder();
        builder.UseOrleansClient(client => client.UsePostgreSqlClustering(connectionString));
        using var host = builder.Build();
        await host.StartAsync();

        // [/postgresql]
        var said = await Search(host);
        await host.StopAsync();
        return said;
    }

    public static async Task<IReadOnlyList<string>> WithAzure(string connectionString)
    {
        var builder = Host.CreateApplicationBuilder();

        // [azure]
        builder.UseOrleansClient(client => client.UseAzureClustering(connectionString));

        // [/azure]
        using var host = builder.Build();
        await host.StartAsync();
        var said = await Search(host);
        await host.StopAsync();
        return said;
    }

    private static async Task<IReadOnlyList<string>> Search(IHost host)
    {
        var lines = new List<string>();

        // [search]
        var grains = host.Services.GetRequiredService<IClusterClient>();
        var answer = await grains.GetGrain<ISearchGrain>(0).Search(
            new SearchRequest("boats", [SearchQuery.OfText("red boats")], Modality.Image, K: 3));
        foreach (var hit in answer.Results[0]) lines.Add($"{hit.Id}: {hit.Score:0.000}");

        // [/search]
        // [failure]
        try
        {
            await grains.GetGrain<ISearchGrain>(0).Search(new SearchRequest("boots", [SearchQuery.OfText("red boats")], Target: null));
        }
        catch (FuseMixException failure) when (failure.Kind == FailureKind.NotFound)
        {
            lines.Add(failure.Advice);
        }

        // [/failure]
        return lines;
    }
}
