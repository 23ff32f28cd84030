using Azure.Data.Tables;
using FuseMix.Client.Grains;
using FuseMix.Contracts.Search;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Orleans;
using Orleans.Hosting;

namespace FuseMix.Silo.Tests.Processes.Clusters;

/// <summary>What docs/client.md says of clients that find a cluster of several machines.</summary>
internal static class OrleansClientSample
{
    public static async Task<IReadOnlyList<string>> WithPostgreSql(string connectionString)
    {
        var builder = Host.CreateApplicationBuilder();
        builder.UseOrleansClient(client => client
            .UseFuseMix()
            .UseAdoNetClustering(options => (options.Invariant, options.ConnectionString) = ("Npgsql", connectionString)));
        using var host = builder.Build();
        await host.StartAsync();
        var said = await Search(host);
        await host.StopAsync();
        return said;
    }

    public static async Task<IReadOnlyList<string>> WithAzure(string connectionString)
    {
        var builder = Host.CreateApplicationBuilder();
        builder.UseOrleansClient(client => client
            .UseFuseMix()
            .UseAzureStorageClustering(
                options => (options.TableServiceClient, options.TableName) = (new TableServiceClient(connectionString), "FuseMixNodes")));
        using var host = builder.Build();
        await host.StartAsync();
        var said = await Search(host);
        await host.StopAsync();
        return said;
    }

    private static async Task<IReadOnlyList<string>> Search(IHost host)
    {
        var lines = new List<string>();
        var grains = host.Services.GetRequiredService<IClusterClient>();
        var answer = await grains.GetGrain<ISearchGrain>(0).Search(
            new SearchRequest("boats", [SearchQuery.OfText("red boats")], Modality.Image, K: 3));
        foreach (var hit in answer.Results[0]) lines.Add($"{hit.Id}: {hit.Score:0.000}");

        try
        {
            await grains.GetGrain<ISearchGrain>(0).Search(new SearchRequest("boots", [SearchQuery.OfText("red boats")], Target: null));
        }
        catch (FuseMixException failure) when (failure.Kind == FailureKind.NotFound)
        {
            lines.Add(failure.Advice);
        }

        return lines;
    }
}
