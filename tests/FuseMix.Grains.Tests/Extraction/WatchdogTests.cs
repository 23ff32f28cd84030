using FuseMix.Contracts;
using FuseMix.Grains.Tests.Clusters;
using FuseMix.Testing;

namespace FuseMix.Grains.Tests.Embedded;

/// <summary>What a job's watchdog does at each of its ticks, on a clock that only the tests move: Orleans stands still on such a clock.</summary>
public sealed class WatchdogTests
{
    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task When_an_extractors_node_dies_its_slot_goes_on_elsewhere_and_does_nothing_twice()
    {
        using var home = TestHome.Create();
        using var held = new HeldFile(home.PicturePath("img-00"));
        var clock = new ManualTimeProvider();
        await using var cluster = await StartWithJobOnFront(home, clock);
        var job = cluster.Extraction(TestHome.ImageEncoder);
        await cluster.AddAsync("extract@left");
        await cluster.Start(TestHome.ImageEncoder);
        clock.Advance(TimeSpan.Zero);
        await held.Reached;
        await cluster.AddAsync("extract@right");
        await Tick(cluster, clock);
        await Patience.Read(job.Watch(), status => status.ShardsDone == 3);
        var before = home.LatentFiles(TestHome.ImageEncoder);
        Assert.Equal(3, before.Count);

        await cluster.KillAsync("extract@left");
        held.PutBack();
        await Tick(cluster, clock);
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
        var clock = new ManualTimeProvider();
        await using var cluster = await StartWithJobOnFront(home, clock);
        var job = cluster.Extraction(TestHome.ImageEncoder);
        await cluster.AddAsync("extract@left");
        await cluster.AddAsync("extract@right");
        await cluster.Start(TestHome.ImageEncoder);
        clock.Advance(TimeSpan.Zero);
        await Task.WhenAll(first.Reached, second.Reached);
        var shardOnRight = (await job.Lease($"{TestHome.Dataset}/{TestHome.ImageEncoder}#1"))!.Shard;
        var (onLeft, onRight) = shardOnRight == 0 ? (second, first) : (first, second);
        await onLeft.Release();
        await Patience.Read(job.Watch(), status => status.ShardsDone == 3);
        var before = home.LatentFiles(TestHome.ImageEncoder);

        await cluster.KillAsync("extract@right");
        onRight.PutBack();
        for (var tick = 0; tick < 3; tick++) await Tick(cluster, clock);
        Assert.Empty(cluster.Log.Lines(1004));
        Assert.Equal(3, (await job.Status()).ShardsDone);
        await Tick(cluster, clock);
        var end = (await Patience.Read(job.Watch()))[^1];

        Assert.Equal((JobState.Completed, 25, 0), (end.State, end.ItemsDone, end.ItemsFailed));
        Assert.Contains("#1", Assert.Single(cluster.Log.Lines(1004)), StringComparison.Ordinal);
        var after = home.LatentFiles(TestHome.ImageEncoder);
        Assert.All(before, file => Assert.Equal(file.Value, after[file.Key]));
    }

    /// <summary>Lets a third of a lease pass, and the job's watchdog do what it does then.</summary>
    private static async Task Tick(TestCluster cluster, ManualTimeProvider clock)
    {
        clock.Advance(Lease / 3);

        // The job takes requests in turn: when this one is answered, the tick before it is over.
        await cluster.Start(TestHome.ImageEncoder);
    }

    /// <summary>A cluster whose image extraction lives on the node "front", which does not extract.</summary>
    private static async Task<TestCluster> StartWithJobOnFront(TestHome home, TimeProvider clock)
    {
        var cluster = await TestCluster.StartAsync(home, ["gateway@front"], clock, options => options.LeaseDuration = Lease);
        await cluster.Extraction(TestHome.ImageEncoder).Status();
        return cluster;
    }
}
