using FuseMix.Contracts.Collections;
using FuseMix.Contracts.Search;
using FuseMix.Grains.Collections;
using FuseMix.Grains.Tests.Clusters;
using FuseMix.Testing.Clusters;

namespace FuseMix.Grains.Tests.Collections;

public sealed class IndexShardGrainTests(PreparedHome prepared)
{
    private static readonly CollectionBuild Boats = new(PreparedHome.Model, TestHome.Dataset, RowsPerShard: 10);

    [Theory]
    [InlineData("one changed byte")]
    [InlineData("truncated")]
    [InlineData("missing")]
    [InlineData("swapped for another shard")]
    [InlineData("of another generation")]
    public async Task A_damaged_shard_is_named_in_an_answer_that_says_it_is_not_complete(string damage)
    {
        using var home = prepared.Copy();
        await using var cluster = await TestCluster.StartAsync(home);
        var earlier = await cluster.Build("boats", Boats with { Model = PreparedHome.OtherModel });
        var status = await cluster.Build("boats", Boats);
        var path = ShardFile(home, status.Generation, "image-00001");
        var sound = await File.ReadAllBytesAsync(path, TestContext.Current.CancellationToken);
        switch (damage)
        {
            case "one changed byte":
                var changed = sound.ToArray();
                changed[^20] ^= 1;
                await File.WriteAllBytesAsync(path, changed, TestContext.Current.CancellationToken);
                break;
            case "truncated":
                await File.WriteAllBytesAsync(path, sound[..^100], TestContext.Current.CancellationToken);
                break;
            case "missing":
                File.Delete(path);
                break;
            case "swapped for another shard":
                File.Copy(ShardFile(home, status.Generation, "image-00000"), path, overwrite: true);
                break;
            default:
                File.Copy(ShardFile(home, earlier.Generation, "image-00001"), path, overwrite: true);
                break;
        }

        var request = new SearchRequest("boats", [SearchQuery.OfText("red boats")], Modality.Image, 100);
        var answer = await cluster.Search(request);
        Assert.False(answer.Complete);
        Assert.StartsWith("image-00001: ", Assert.Single(answer.MissingShards), StringComparison.Ordinal);
        Assert.Equal(15, answer.Results[0].Length);

        // Mended, it answers again: nothing remembers the damage.
        await File.WriteAllBytesAsync(path, sound, TestContext.Current.CancellationToken);
        var whole = await cluster.Search(request);
        Assert.True(whole.Complete, string.Join("; ", whole.MissingShards));
        Assert.Equal(25, whole.Results[0].Length);
    }

    [Fact]
    public async Task Shards_live_on_the_nodes_that_index_and_nowhere_else()
    {
        using var home = prepared.Copy();
        await using var cluster = await TestCluster.StartAsync(home, ["gateway+extract+train@front", "index@only"]);
        await cluster.Build("boats", Boats);
        var request = new SearchRequest("boats", [SearchQuery.OfText("red boats")], null);

        // A client enters by any node; so often, and the front has surely seen the collection.
        for (var i = 0; i < 40; i++) Assert.True((await cluster.Search(request)).Complete);

        await cluster.KillAsync("index@only");
        var answer = await Patience.Until(() => cluster.Search(request), answer => answer.MissingShards.All(IsHomeless));
        Assert.Equal((false, 6), (answer.Complete, answer.MissingShards.Length));
        Assert.Empty(answer.Results[0]);

        await cluster.AddAsync("index@late");
        Assert.True((await Patience.Until(() => cluster.Search(request), answer => answer.Complete)).Complete);

        static bool IsHomeless(string missing) => missing.Contains("No active node has the role 'index'", StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_shard_moves_to_the_node_that_it_belongs_to_when_one_joins_and_no_search_fails()
    {
        using var home = prepared.Copy();
        await using var cluster = await TestCluster.StartAsync(
            home, ["gateway@front", "index@left"], options: options => options.ShardReplicas = 1);
        var built = await cluster.Build("boats", Boats with { RowsPerShard = 3 });
        var request = new SearchRequest("boats", [SearchQuery.OfText("red boats")], null, 100);
        var before = await cluster.Search(request);
        await cluster.AddAsync("index@right");
        var moving = built.Shards.Count(shard =>
            ShardPlacement.Choose(new IndexShardKey("boats", built.Generation, shard.Name), ["index@left", "index@right"]) == "index@right");
        Assert.InRange(moving, 1, built.Shards.Length - 1);

        while (cluster.Log.Lines(3101).Length < moving)
        {
            var during = await cluster.Search(request);
            Assert.True(during.Complete, string.Join("; ", during.MissingShards));
            Assert.Equal(before.Results[0].Select(hit => hit.Id), during.Results[0].Select(hit => hit.Id));
        }

        await cluster.KillAsync("index@left");
        var after = await Patience.Until(() => cluster.Search(request), answer => answer.Complete);
        Assert.Equal(before.Results[0].Select(hit => hit.Id), after.Results[0].Select(hit => hit.Id));
    }

    [Fact]
    public async Task A_node_of_very_many_threads_searches_as_any_other()
    {
        using var home = prepared.Copy();
        await using var cluster = await TestCluster.StartAsync(home, [TestCluster.Everything], options: options => options.Threads = 1024);
        await cluster.Build("boats", Boats);
        var answer = await cluster.Search(new SearchRequest("boats", [SearchQuery.OfItem("img-01")], null));
        Assert.True(answer.Complete, string.Join("; ", answer.MissingShards));
    }

    [Theory]
    [InlineData("boats")]
    [InlineData("boats/g000001")]
    [InlineData("a/b/c/d")]
    public async Task A_key_that_names_no_shard_is_refused(string key)
    {
        var failure = await Assert.ThrowsAsync<FuseMixException>(
            () => prepared.Asked.Grains.GetGrain<IIndexShardGrain>(key).Embedding("img-01"));
        Assert.Equal(FailureKind.Invalid, failure.Kind);
        Assert.Contains($"'{key}'", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_shard_gives_the_embedding_of_its_own_items_only()
    {
        using var home = prepared.Copy();
        await using var cluster = await TestCluster.StartAsync(home);
        var status = await cluster.Build("boats", Boats);
        var shard = cluster.Grains.GetGrain<IIndexShardGrain>(new IndexShardKey("boats", status.Generation, "image-00000").ToString());
        var embedding = await shard.Embedding("img-03");
        Assert.NotNull(embedding);
        Assert.All(
            embedding.Zip(home.Embeddings(PreparedHome.Model, Modality.Image)["img-03"]),
            pair => Assert.Equal(pair.Second, pair.First, 1e-6f));
        Assert.Null(await shard.Embedding("txt-03"));
        Assert.Null(await shard.Embedding("img-23"));
    }

    [Fact]
    public void A_key_and_its_text_stand_for_one_another()
    {
        var key = new IndexShardKey("boats", "g000001-0011aabb", "image-00000");
        Assert.Equal("boats/g000001-0011aabb/image-00000/0", key.ToString());
        Assert.Equal("boats/g000001-0011aabb/image-00000/2", (key with { Replica = 2 }).ToString());
        Assert.Equal(key, IndexShardKey.Parse(key.ToString()));
    }

    private static string ShardFile(TestHome home, string generation, string shard) =>
        Path.Combine(home.Home.Collections, "boats", generation, $"{shard}.fmshard");
}
