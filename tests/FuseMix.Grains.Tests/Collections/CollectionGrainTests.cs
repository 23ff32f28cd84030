using FuseMix.Contracts;
using FuseMix.Contracts.Collections;
using FuseMix.Contracts.Search;
using FuseMix.Grains.Tests.Clusters;
using FuseMix.Testing.Clusters;

namespace FuseMix.Grains.Tests.Collections;

public sealed class CollectionGrainTests(PreparedHome prepared)
{
    private static readonly CollectionBuild Boats = new(PreparedHome.Model, TestHome.Dataset, RowsPerShard: 10);

    [Fact]
    public async Task A_collection_holds_every_item_that_has_a_latent_in_shards_of_one_modality()
    {
        using var home = prepared.Copy();
        await using var cluster = await TestCluster.StartAsync(home);
        var status = await cluster.Build("boats", Boats);

        Assert.Equal(("boats", PreparedHome.Model, TestHome.Dataset, 8), (status.Name, status.Model, status.Dataset, status.Dimension));
        Assert.False((await cluster.Collection("boats").BuildStatus()).Reused);
        Assert.Equal(home.Model(PreparedHome.Model).Fingerprint.Hex, status.ModelFingerprint);
        Assert.Equal((25, 25, 0), (status.Count(Modality.Image), status.Count(Modality.Text), status.Count(Modality.Audio)));
        Assert.Equal(
            [("image-00000", 10), ("image-00001", 10), ("image-00002", 5), ("text-00000", 10), ("text-00001", 10), ("text-00002", 5)],
            status.Shards.Select(shard => (shard.Name, shard.Count)));
        Assert.Equal([status.Generation], status.Generations);
        Assert.Equivalent(status, await cluster.Collection("boats").Status());
    }

    [Fact]
    public async Task Building_the_same_again_is_recognised()
    {
        using var home = prepared.Copy();
        await using var cluster = await TestCluster.StartAsync(home);
        var first = await cluster.Build("boats", Boats);
        var again = await cluster.Collection("boats").StartBuild(Boats);
        Assert.Equal((JobState.Completed, true, first.Generation), (again.State, again.Reused, again.Generation));
        Assert.Single((await cluster.Collection("boats").Status()).Generations);
    }

    [Fact]
    public async Task Two_builds_at_once_make_one_generation()
    {
        using var home = prepared.Copy();
        await using var cluster = await TestCluster.StartAsync(home);
        var both = await Task.WhenAll(cluster.Build("boats", Boats), cluster.Build("boats", Boats));
        Assert.Equal(both[0].Generation, both[1].Generation);
        Assert.Single(both[1].Generations);
    }

    [Fact]
    public async Task A_build_with_another_model_goes_live_and_can_be_rolled_back()
    {
        using var home = prepared.Copy();
        await using var cluster = await TestCluster.StartAsync(home);
        var first = await cluster.Build("boats", Boats);
        var second = await cluster.Build("boats", Boats with { Model = PreparedHome.OtherModel });
        Assert.Equal(PreparedHome.OtherModel, second.Model);
        Assert.Equal([second.Generation, first.Generation], second.Generations);
        Assert.Equal(second.Generation, (await Find(cluster, "boats")).Generation);

        var back = await cluster.Collection("boats").GoLive(first.Generation);
        Assert.Equivalent(back, await cluster.Collection("boats").GoLive(first.Generation));
        Assert.Equal((first.Generation, PreparedHome.Model), (back.Generation, back.Model));
        Assert.Equal(first.Generation, (await Find(cluster, "boats")).Generation);

        var failure = await Assert.ThrowsAsync<FuseMixException>(() => cluster.Collection("boats").GoLive("g000009-00000000"));
        Assert.Equal(FailureKind.NotFound, failure.Kind);
        Assert.Contains("no generation of collection 'boats' named 'g000009-00000000'", failure.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("rows")]
    [InlineData("dataset")]
    [InlineData("model")]
    public async Task Anything_that_changes_makes_a_new_generation(string change)
    {
        using var home = prepared.Copy();
        await using var cluster = await TestCluster.StartAsync(home);
        var first = await cluster.Build("boats", Boats);
        var next = Boats;
        switch (change)
        {
            case "rows":
                next = Boats with { RowsPerShard = 100 };
                break;
            case "dataset":
                home.SaveDataset([.. home.Items(), home.TextItem("txt-new", 3, "the red lake")], home.Pairs());
                await cluster.Extract(TestHome.TextEncoder);
                await cluster.Extract(TestHome.ImageEncoder);
                break;
            default:
                Assert.Equal(
                    JobState.Completed, (await cluster.Train(PreparedHome.Request("again", PreparedHome.Model, seed: 3, steps: 5))).State);
                break;
        }

        var second = await cluster.Build("boats", next);
        Assert.NotEqual(first.Generation, second.Generation);
        Assert.Equal(change == "dataset" ? 26 : 25, second.Count(Modality.Text));
    }

    [Fact]
    public async Task Old_generations_go_and_two_stay_to_roll_back_to()
    {
        using var home = prepared.Copy();
        await using var cluster = await TestCluster.StartAsync(home);
        var built = new List<string>();
        for (var rows = 10; rows < 15; rows++) built.Add((await cluster.Build("boats", Boats with { RowsPerShard = rows })).Generation);
        var status = await cluster.Collection("boats").Status();
        Assert.Equal([built[4], built[3], built[2]], status.Generations);
        Assert.Equal(3, Directory.GetDirectories(Path.Combine(home.Home.Collections, "boats")).Length);
    }

    [Fact]
    public async Task Replacing_can_be_refused()
    {
        using var home = prepared.Copy();
        await using var cluster = await TestCluster.StartAsync(home);
        var first = await cluster.Build("boats", Boats);
        var failure = await Assert.ThrowsAsync<FuseMixException>(
            () => cluster.Build("boats", Boats with { Model = PreparedHome.OtherModel, Replace = false }));
        Assert.Equal(FailureKind.Conflict, failure.Kind);
        Assert.Equal(first.Generation, (await cluster.Collection("boats").Status()).Generation);
        Assert.True((await cluster.Collection("boats").StartBuild(Boats with { Replace = false })).Reused);
    }

    [Fact]
    public async Task A_dropped_collection_is_gone_and_dropping_it_again_does_no_harm()
    {
        using var home = prepared.Copy();
        await using var cluster = await TestCluster.StartAsync(home);
        var first = await cluster.Build("boats", Boats);
        await cluster.Collection("boats").Drop();
        await cluster.Collection("boats").Drop();
        Assert.Equal(FailureKind.NotFound, (await Assert.ThrowsAsync<FuseMixException>(() => cluster.Collection("boats").Status())).Kind);
        Assert.Empty(await cluster.Catalog.Collections());

        var again = await cluster.Build("boats", Boats);
        Assert.NotEqual(first.Generation, again.Generation);
        Assert.True((await Find(cluster, "boats")).Complete);
    }

    [Fact]
    public async Task Dropping_what_never_was_does_no_harm()
    {
        using var home = prepared.Copy();
        await using var cluster = await TestCluster.StartAsync(home);
        await cluster.Collection("never").Drop();
        Assert.Empty(await cluster.Catalog.Collections());
    }

    [Fact]
    public async Task An_unknown_collection_is_answered_with_the_nearest_one()
    {
        using var home = prepared.Copy();
        await using var cluster = await TestCluster.StartAsync(home);
        await cluster.Build("boats", Boats);
        var unknown = cluster.Collection("baots");
        foreach (var ask in (Func<Task>[])[unknown.Status, () => unknown.GoLive("g"), () => Find(cluster, "baots")])
        {
            var failure = await Assert.ThrowsAsync<FuseMixException>(ask);
            Assert.Equal((FailureKind.NotFound, "Did you mean 'boats'?"), (failure.Kind, failure.Remedy));
        }
    }

    public static TheoryData<string, CollectionBuild, FailureKind, string> Refused => new()
    {
        { "boats", Boats with { Model = "first-modle" }, FailureKind.NotFound, "no fusion model named 'first-modle'" },
        { "boats", Boats with { Dataset = "boat" }, FailureKind.NotFound, "no dataset named 'boat'" },
        { "boats", Boats with { Dataset = PreparedHome.Untouched }, FailureKind.NotFound, "'untouched' has no latents" },
        { "boats", Boats with { RowsPerShard = 0 }, FailureKind.Invalid, "at least one row" },
        { "Not A Name", Boats, FailureKind.Invalid, "'Not A Name' is not a valid collection name" },
    };

    [Theory]
    [MemberData(nameof(Refused), DisableDiscoveryEnumeration = true)]
    public async Task A_build_that_cannot_be_is_refused_and_leaves_nothing_behind(
        string name, CollectionBuild build, FailureKind kind, string message)
    {
        var cluster = prepared.Asked;
        var failure = await Assert.ThrowsAsync<FuseMixException>(() => cluster.Build(name, build));
        Assert.Equal(kind, failure.Kind);
        Assert.Contains(message, failure.Message, StringComparison.Ordinal);
        Assert.Empty(await cluster.Catalog.Collections());
    }

    [Fact]
    public async Task A_dataset_that_changed_since_its_extraction_is_extracted_again_before_it_is_indexed()
    {
        using var home = prepared.Copy();
        home.SaveDataset([.. home.Items(), home.TextItem("txt-new", 3, "the red lake")], home.Pairs());
        await using var cluster = await TestCluster.StartAsync(home);
        var failure = await Assert.ThrowsAsync<FuseMixException>(() => cluster.Build("boats", Boats));
        Assert.Equal(FailureKind.Unavailable, failure.Kind);
        Assert.Contains("fusemix extract boats", failure.Remedy, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_a_dead_node_built_another_one_serves()
    {
        using var home = prepared.Copy();
        await using var cluster = await TestCluster.StartAsync(home, ["gateway+index@left"]);
        var built = await cluster.Build("boats", Boats);
        await cluster.AddAsync("gateway+index@right");
        await cluster.KillAsync("gateway+index@left");
        Assert.Equivalent(built, await cluster.Collection("boats").Status());
        Assert.True((await Find(cluster, "boats")).Complete);
    }

    private static Task<SearchResponse> Find(TestCluster cluster, string collection) =>
        cluster.Search(new SearchRequest(collection, [SearchQuery.OfText("red boats")], null, 3));
}
