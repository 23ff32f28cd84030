using FuseMix.Contracts.Collections;
using FuseMix.Contracts.Search;
using FuseMix.Grains.Tests.Clusters;
using Orleans.Runtime;

namespace FuseMix.Grains.Tests.Faults;

/// <summary>Every node of a cluster is stopped in order and started again, one after the other, while searches go on.</summary>
public sealed class RollingRestartTests(PreparedHome prepared)
{
    private static readonly string[] Nodes = ["gateway+index@one", "gateway+index@two", "gateway+index@three"];

    [Fact]
    public async Task No_search_fails_and_every_answer_is_whole()
    {
        using var home = prepared.Copy();
        await using var cluster = await TestCluster.StartAsync(home, Nodes);
        await cluster.Build("boats", new CollectionBuild(PreparedHome.Model, TestHome.Dataset, RowsPerShard: 5));
        var request = new SearchRequest("boats", [SearchQuery.OfText("two red boats")], null, 100);
        var whole = Ids(await cluster.Search(request));
        Assert.Equal(50, whole.Length);

        using var over = new CancellationTokenSource();
        var searchers = Enumerable.Range(0, 3).Select(_ => Task.Run(Searching)).ToArray();
        foreach (var node in Nodes)
        {
            await cluster.StopAsync(node);
            await cluster.AddAsync(node);
        }

        await over.CancelAsync();
        Assert.All(await Task.WhenAll(searchers), count => Assert.True(count > 0));

        async Task<int> Searching()
        {
            var count = 0;
            while (!over.IsCancellationRequested)
            {
                var answer = await Search();
                Assert.True(answer.Complete, string.Join("; ", answer.MissingShards));
                Assert.Equal(whole, Ids(answer));
                count++;
            }

            return count;
        }

        async Task<SearchResponse> Search()
        {
            while (true)
            {
                try
                {
                    return await cluster.Search(request);
                }
                catch (SiloUnavailableException)
                {
                    // This client is outside of the cluster, and came in by the node that stops: it asks again, by another one.
                }
            }
        }
    }

    private static string[] Ids(SearchResponse response) => [.. response.Results[0].Select(hit => hit.Id)];
}
