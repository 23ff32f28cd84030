using FuseMix.Contracts;
using FuseMix.Contracts.Collections;
using FuseMix.Grains.Tests.Clusters;
using FuseMix.Testing.Clusters;

namespace FuseMix.Grains.Tests.Collections.Regressions;

/// <summary>The kind "words that are wrong or missing": what is told last of a build is what it came to.</summary>
public sealed class LastWordsOfBuildsTests(PreparedHome prepared)
{
    [Fact]
    public async Task The_end_of_a_build_tells_its_items_and_its_time()
    {
        using var home = prepared.Copy();
        await using var cluster = await TestCluster.StartAsync(home);
        var boats = new CollectionBuild(PreparedHome.Model, TestHome.Dataset, RowsPerShard: 10);
        await cluster.Collection("boats").StartBuild(boats);
        var last = (await Patience.Read(cluster.Collection("boats").WatchBuild()))[^1];
        var count = (await cluster.Collection("boats").Status()).Shards.Sum(shard => shard.Count);
        Assert.Equal((JobState.Completed, (long)count, (long)count), (last.State, (long)last.Items, (long)last.ItemsDone));
        Assert.True(last.Elapsed > TimeSpan.Zero);
        Assert.Equal(last, await cluster.Collection("boats").BuildStatus());

        var again = await cluster.Collection("boats").StartBuild(boats);
        Assert.Equal((true, last.Items, last.ItemsDone), (again.Reused, again.Items, again.ItemsDone));
    }
}
