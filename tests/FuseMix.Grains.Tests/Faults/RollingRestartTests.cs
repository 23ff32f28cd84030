using FuseMix.Contracts.Collections;
using FuseMix.Contracts.Search;
using FuseMix.Grains.Tests.Clusters;
using FuseMix.Testing.Clusters;
using Orleans;

namespace FuseMix.Grains.Tests.Faults;

/// <summary>Every node that grains live on is stopped in order and started again, one after the other, while searches go on. They enter by
/// a node that stays, as requests over HTTP do: those in a node that leaves are waited for.</summary>
public sealed class RollingRestartTests(PreparedHome prepared)
{
    private const string Front = "gateway@front";
    private static readonly string[] Nodes = ["gateway+index@one", "gateway+index@two", "gateway+index@three"];

    [Fact]
    public async Task No_search_fails_and_every_answer_is_whole()
    {
        using var home = prepared.Copy();
        await using var cluster = await TestCluster.StartAsync(home, [Front, .. Nodes]);
        var front = cluster.GrainsOf(Front);
        await cluster.Build("boats", new CollectionBuild(PreparedHome.Model, TestHome.Dataset, RowsPerShard: 5));
        var request = new SearchRequest("boats", [SearchQuery.OfText("two red boats")], null, 100);
        var whole = Ids(await cluster.Search(request));
        Assert.Equal(50, whole.Length);

        var isOver = false;
        var searchers = Enumerable.Range(0, 3).Select(_ => Task.Run(() => Search(front, () => !Volatile.Read(ref isOver)))).ToArray();
        IGrainFactory? newcomer = null;
        foreach (var node in Nodes)
        {
            var stopping = cluster.StopAsync(node);

            // The node that joined last has never seen the collection, whose own node may be the one that leaves.
            if (newcomer is not null) await Search(newcomer, () => !stopping.IsCompleted);
            await stopping;
            await cluster.AddAsync(node);
            newcomer = cluster.GrainsOf(node);
        }

        Volatile.Write(ref isOver, true);
        await Task.WhenAll(searchers);

        async Task Search(IGrainFactory entry, Func<bool> goesOn)
        {
            do
            {
                var answer = await entry.GetGrain<ISearchGrain>(0).Search(request);
                Assert.True(answer.Complete, string.Join("; ", answer.MissingShards));
                Assert.Equal(whole, Ids(answer));
            }
            while (goesOn());
        }
    }

    private static string[] Ids(SearchResponse response) => [.. response.Results[0].Select(hit => hit.Id)];
}
