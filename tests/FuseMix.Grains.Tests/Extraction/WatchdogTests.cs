using FuseMix.Contracts;
using FuseMix.Contracts.Extraction;
using FuseMix.Grains.Tests.Clusters;
using FuseMix.Testing.Clusters;

namespace FuseMix.Grains.Tests.Extraction;

/// <summary>What a job's watchdog does as time passes: it calls those that joined, and takes shards from those that are silent.</summary>
public sealed class WatchdogTests
{
    [Fact]
    public async Task When_an_extractors_node_dies_its_shard_goes_on_elsewhere_and_nothing_is_done_twice()
    {
        using var home = TestHome.Create();
        using var held = new HeldFile(home.PicturePath("img-00"));
        await using var cluster = await StartWithJobOnFront(home);
        var job = cluster.Extraction(TestHome.ImageEncoder);
        await cluster.AddAsync("extract@left");
        await cluster.Start(TestHome.ImageEncoder);
        await held.Reached;
        await cluster.AddAsync("extract@right");
        await Patience.Read(job.Watch(), status => status.ShardsDone == 3);
        var before = home.LatentFiles(TestHome.ImageEncoder);
        Assert.Equal(3, before.Count);

        await cluster.KillAsync("extract@left");
        held.PutBack();
        var end = (await Patience.Read(job.Watch()))[^1];

        Assert.Equal((JobState.Completed, 25, 0), (end.State, end.ItemsDone, end.ItemsFailed));
        var after = home.LatentFiles(TestHome.ImageEncoder);
        Assert.All(before, file => Assert.Equal(file.Value, after[file.Key]));

        // The dead node's thread wakes up and finds its shard done: what it writes is not taken.
        await held.Release();
        Assert.Equal(after, home.LatentFiles(TestHome.ImageEncoder));
    }

    [Fact]
    public async Task When_a_slot_is_gone_with_its_node_the_shard_goes_to_another_as_soon_as_its_lease_expires()
    {
        using var home = TestHome.Create();
        using var first = new HeldFile(home.PicturePath("img-00"));
        using var second = new HeldFile(home.PicturePath("img-09"));
        await using var cluster = await StartWithJobOnFront(home);
        var job = cluster.Extraction(TestHome.ImageEncoder);
        await cluster.AddAsync("extract@left");
        await cluster.AddAsync("extract@right");
        await cluster.Start(TestHome.ImageEncoder);
        await Task.WhenAll(first.Reached, second.Reached);
        var shardOnRight = (await job.Lease(IExtractorGrain.KeyOf("right", 0)))!.Shard;
        var (onLeft, onRight) = shardOnRight == 0 ? (second, first) : (first, second);
        await onLeft.Release();
        await Patience.Read(job.Watch(), status => status.ShardsDone == 3);
        var before = home.LatentFiles(TestHome.ImageEncoder);

        await cluster.KillAsync("extract@right");
        onRight.PutBack();
        var end = (await Patience.Read(job.Watch()))[^1];

        Assert.Equal((JobState.Completed, 25, 0), (end.State, end.ItemsDone, end.ItemsFailed));
        var expired = cluster.Log.Lines(1004).Where(line => line.StartsWith($"Shard {shardOnRight} ", StringComparison.Ordinal));
        Assert.Contains(expired, line => line.Contains("right/0", StringComparison.Ordinal));
        var after = home.LatentFiles(TestHome.ImageEncoder);
        Assert.All(before, file => Assert.Equal(file.Value, after[file.Key]));
    }

    /// <summary>A cluster whose image extraction lives on the node "front", which does not extract.</summary>
    private static async Task<TestCluster> StartWithJobOnFront(TestHome home)
    {
        var cluster = await TestCluster.StartAsync(
            home, ["gateway@front"], options: options => options.LeaseDuration = TimeSpan.FromSeconds(2));
        await cluster.Extraction(TestHome.ImageEncoder).Status();
        return cluster;
    }
}
