using FuseMix.Contracts;
using FuseMix.Contracts.Collections;
using FuseMix.Contracts.Search;
using FuseMix.Grains.Home;
using FuseMix.Grains.Tests.Clusters;
using FuseMix.Testing.Clusters;
using Orleans.Runtime;

namespace FuseMix.Grains.Tests.Search;

/// <summary>Searches while nodes die, shards are damaged and models change.</summary>
public sealed class SearchFaultTests(PreparedHome prepared)
{
    private static readonly CollectionBuild Boats = new(PreparedHome.Model, TestHome.Dataset, RowsPerShard: 3);

    private static SearchRequest Request => new("boats", [SearchQuery.OfText("two red boats")], null, 100);

    [Fact]
    public async Task When_an_index_node_dies_searches_say_so_or_are_whole_and_the_others_take_over()
    {
        using var home = prepared.Copy();
        await using var cluster = await TestCluster.StartAsync(home, ["gateway@front", "index@left", "index@right"]);
        await cluster.Build("boats", Boats);
        var whole = await cluster.Search(Request);
        Assert.True(whole.Complete);
        Assert.Equal(50, whole.Results[0].Length);

        var searches = Enumerable.Range(0, 20).Select(
            _ => Task.Run(() => cluster.Search(Request), TestContext.Current.CancellationToken)).ToArray();
        await cluster.KillAsync("index@left");
        foreach (var search in searches)
        {
            try
            {
                AssertNeverSilentlyShort(await search, whole);
            }
            catch (SiloUnavailableException)
            {
                // It had entered the cluster by the node that died: its caller knows.
            }
        }

        for (var i = 0; i < 3; i++) AssertNeverSilentlyShort(await cluster.Search(Request), whole);
        Assert.Equal(Ids(whole), Ids(await Patience.Until(() => cluster.Search(Request), answer => answer.Complete)));
    }

    [Fact]
    public async Task A_node_that_joins_changes_no_answer()
    {
        using var home = prepared.Copy();
        await using var cluster = await TestCluster.StartAsync(home, ["gateway+index@left"]);
        await cluster.Build("boats", Boats);
        var before = await cluster.Search(Request);
        await cluster.AddAsync("gateway+index@right");
        var after = await cluster.Search(Request);
        Assert.True(after.Complete);
        Assert.Equal(Ids(before), Ids(after));
    }

    [Fact]
    public async Task An_item_is_found_though_another_shard_is_damaged()
    {
        using var home = prepared.Copy();
        await using var cluster = await TestCluster.StartAsync(home);
        var built = await cluster.Build("boats", Boats);
        File.Delete(Path.Combine(home.Home.Collections, "boats", built.Generation, "text-00000.fmshard"));

        var answer = await cluster.Search(new SearchRequest("boats", [SearchQuery.OfItem("img-05")], Modality.Image, 100));
        Assert.True(answer.Complete);
        Assert.Equal(24, answer.Results[0].Length);
    }

    [Fact]
    public async Task An_item_that_may_be_in_a_damaged_shard_is_not_said_to_be_unknown()
    {
        using var home = prepared.Copy();
        await using var cluster = await TestCluster.StartAsync(home);
        var built = await cluster.Build("boats", Boats);
        File.Delete(Path.Combine(home.Home.Collections, "boats", built.Generation, "text-00000.fmshard"));

        var failure = await Assert.ThrowsAsync<FuseMixException>(
            () => cluster.Search(new SearchRequest("boats", [SearchQuery.OfItem("txt-00")], Modality.Image)));
        Assert.Equal(FailureKind.Unavailable, failure.Kind);
        Assert.Contains("text-00000", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task No_search_fails_while_model_and_encoder_are_replaced_and_the_collection_is_rebuilt_and_rolled_back()
    {
        using var home = prepared.Copy();
        await using var cluster = await TestCluster.StartAsync(home);
        var first = await cluster.Build("boats", Boats);
        var before = await cluster.Search(Request);
        using var enough = new CancellationTokenSource();
        var searching = Task.Run(
            async () =>
            {
                var answers = new List<SearchResponse>();
                while (!enough.IsCancellationRequested) answers.Add(await cluster.Search(Request));
                return answers;
            },
            TestContext.Current.CancellationToken);

        Assert.Equal(JobState.Completed, (await cluster.Train(PreparedHome.Request("again", PreparedHome.Model, seed: 3))).State);
        Assert.Equal(Ids(before), Ids(await cluster.Search(Request)));
        home.ReplaceTextEncoder();
        Assert.Equal(Ids(before), Ids(await cluster.Search(Request)));

        var second = await cluster.Build("boats", Boats);
        Assert.NotEqual(first.ModelFingerprint, second.ModelFingerprint);
        var after = await cluster.Search(Request);
        Assert.Equal((true, second.Generation), (after.Complete, after.Generation));

        await cluster.Collection("boats").GoLive(first.Generation);
        AssertSame(before, await cluster.Search(Request));
        await enough.CancelAsync();
        Assert.All(await searching, answer => AssertSame(answer.Generation == first.Generation ? before : after, answer));

        // Another node has nothing in memory yet.
        await cluster.StopAsync(TestCluster.Everything);
        await using var next = await TestCluster.StartAsync(home);
        AssertSame(before, await next.Search(Request));
    }

    [Fact]
    public async Task A_collection_answers_though_its_encoder_was_removed()
    {
        using var home = prepared.Copy();
        await using var cluster = await TestCluster.StartAsync(home);
        await cluster.Build("boats", Boats);
        await HomeFiles.Of(home.Home).RemoveEncoder(TestHome.TextEncoder, force: true, TestContext.Current.CancellationToken);
        Assert.DoesNotContain(TestHome.TextEncoder, home.Packs.List());
        Assert.True((await cluster.Search(Request)).Complete);
    }

    [Fact]
    public async Task A_model_that_is_gone_is_named_with_the_way_out()
    {
        using var home = prepared.Copy();
        await using var cluster = await TestCluster.StartAsync(home, ["gateway+index@left"]);
        var built = await cluster.Build("boats", Boats);
        await cluster.StopAsync("gateway+index@left");
        var folder = home.Models.FolderOf(PreparedHome.Model);
        Directory.Delete(folder, recursive: true);
        await using var next = await TestCluster.StartAsync(home);
        var failure = await Assert.ThrowsAsync<FuseMixException>(() => next.Search(Request));
        Assert.Equal(FailureKind.Corrupt, failure.Kind);
        Assert.Contains($"'first-model' with the fingerprint {built.ModelFingerprint[..16]}", failure.Message, StringComparison.Ordinal);
        Assert.Contains("build the collection again", failure.Remedy, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Searches_see_one_generation_each_while_the_next_one_goes_live()
    {
        using var home = prepared.Copy();
        await using var cluster = await TestCluster.StartAsync(home);
        var first = await cluster.Build("boats", Boats);
        var building = cluster.Build("boats", Boats with { RowsPerShard = 7 });
        var seen = new List<SearchResponse>();
        while (!building.IsCompleted) seen.Add(await cluster.Search(Request));
        var second = await building;
        seen.Add(await cluster.Search(Request));

        Assert.All(seen, answer => Assert.True(answer.Complete, string.Join("; ", answer.MissingShards)));
        Assert.All(seen, answer => Assert.Equal(Ids(seen[0]), Ids(answer)));
        Assert.All(seen, answer => Assert.Contains(answer.Generation, (string[])[first.Generation, second.Generation]));
        Assert.Equal(second.Generation, seen[^1].Generation);
    }

    private static string[] Ids(SearchResponse response) => [.. response.Results[0].Select(hit => hit.Id)];

    private static void AssertSame(SearchResponse expected, SearchResponse actual)
    {
        Assert.Equal((true, expected.Generation), (actual.Complete, actual.Generation));
        Assert.Equal(expected.Results[0].Select(hit => (hit.Id, hit.Score)), actual.Results[0].Select(hit => (hit.Id, hit.Score)));
    }

    private static void AssertNeverSilentlyShort(SearchResponse answer, SearchResponse whole)
    {
        if (answer.Complete) Assert.Equal(Ids(whole), Ids(answer));
        else Assert.NotEmpty(answer.MissingShards);
        Assert.Subset(Ids(whole).ToHashSet(), Ids(answer).ToHashSet());
    }
}
