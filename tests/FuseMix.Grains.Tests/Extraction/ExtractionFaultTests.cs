using FuseMix.Contracts;
using FuseMix.Grains.Tests.Clusters;

namespace FuseMix.Grains.Tests.Extraction;

/// <summary>Nodes that die, stop and stall in the middle of an extraction.</summary>
public sealed class ExtractionFaultTests
{
    [Fact]
    public async Task When_the_jobs_own_node_dies_the_next_report_brings_it_back_and_it_goes_on()
    {
        using var home = TestHome.Create();
        using var held = new HeldFile(home.PicturePath("img-09"));
        await using var cluster = await StartWithJobOnFront(home);
        await cluster.AddAsync("extract+gateway@worker");
        await cluster.Start(TestHome.ImageEncoder);
        await held.Reached;
        var before = home.LatentFiles(TestHome.ImageEncoder);
        Assert.Equal(["shard-00000"], before.Keys);

        await cluster.KillAsync("gateway@front");
        await held.Release();
        var end = (await Patience.Read(cluster.Extraction(TestHome.ImageEncoder).Watch()))[^1];

        Assert.Equal((JobState.Completed, 25, 0), (end.State, end.ItemsDone, end.ItemsFailed));
        Assert.InRange(end.ItemsFound, 8, 16);
        Assert.Equal(before["shard-00000"], home.LatentFiles(TestHome.ImageEncoder)["shard-00000"]);
    }

    [Fact]
    public async Task An_extractor_whose_job_does_not_answer_asks_on_until_it_does()
    {
        using var home = TestHome.Create();
        using var held = new HeldFile(home.PicturePath("img-09"));
        var storage = new FaultyStorage();
        await using var cluster = await TestCluster.StartAsync(home, ["gateway@front"], configure: storage.Configure);
        await cluster.Extraction(TestHome.ImageEncoder).Status();
        await cluster.AddAsync("extract+gateway@worker");
        await cluster.Start(TestHome.ImageEncoder);
        await held.Reached;

        // The job cannot come back while its storage is down: neither a renewal nor the report of the shard reaches it.
        storage.IsDown = true;
        await cluster.KillAsync("gateway@front");
        await held.Release();
        await Patience.Until(() => Task.FromResult(cluster.Log.Lines(1101).Length), failed => failed > 0);
        storage.IsDown = false;

        // Only the extractor asks for the job: this test looks at the files.
        await Patience.Until(() => Task.FromResult(home.LatentFiles(TestHome.ImageEncoder).Count), shards => shards == 4);
        Assert.Equal(JobState.Completed, (await Patience.Read(cluster.Extraction(TestHome.ImageEncoder).Watch()))[^1].State);
    }

    [Fact]
    public async Task A_whole_cluster_that_died_goes_on_as_soon_as_somebody_asks()
    {
        using var home = TestHome.Create();
        await using (var cluster = await TestCluster.StartAsync(home, ["gateway@front"]))
        {
            await cluster.Start(TestHome.TextEncoder);
            await cluster.KillAsync("gateway@front");
        }

        await using var next = await TestCluster.StartAsync(home);
        var end = (await Patience.Read(next.Extraction(TestHome.TextEncoder).Watch()))[^1];
        Assert.Equal((JobState.Completed, 25), (end.State, end.ItemsDone));
    }

    [Fact]
    public async Task A_job_that_cannot_go_on_after_its_node_died_says_why_and_can_be_started_again()
    {
        using var home = TestHome.Create();
        await using (var cluster = await TestCluster.StartAsync(home, ["gateway@front"]))
        {
            await cluster.Start(TestHome.TextEncoder);
            await cluster.KillAsync("gateway@front");
        }

        var pack = Path.Combine(home.Home.Encoders, TestHome.TextEncoder);
        Directory.Move(pack, $"{pack}-away");
        await using var next = await TestCluster.StartAsync(home);
        var status = (await Patience.Read(next.Extraction(TestHome.TextEncoder).Watch()))[^1];
        Assert.Equal(JobState.Failed, status.State);
        Assert.Contains("no encoder named 'tiny-text'", status.Error, StringComparison.Ordinal);

        Directory.Move($"{pack}-away", pack);
        Assert.Equal(JobState.Completed, (await next.Extract(TestHome.TextEncoder)).State);
    }

    [Fact]
    public async Task An_extractor_that_lost_its_lease_drops_the_shard()
    {
        using var home = TestHome.Create();
        using var held = new HeldFile(home.PicturePath("img-00"));
        await using var cluster = await StartWithJobOnFront(home);
        await cluster.AddAsync("extract@worker");
        await cluster.Start(TestHome.ImageEncoder);
        await held.Reached;
        await cluster.Extraction(TestHome.ImageEncoder).Cancel();
        Assert.Contains("shard 0", await cluster.Log.WaitFor(1103), StringComparison.Ordinal);
        await held.Release();
        Assert.Contains("shard 0", await cluster.Log.WaitFor(1104), StringComparison.Ordinal);
        Assert.Empty(home.LatentFiles(TestHome.ImageEncoder));
    }

    [Fact]
    public async Task A_node_that_stops_in_order_leaves_whole_shards_and_the_rest_to_others()
    {
        using var home = TestHome.Create();
        using var held = new HeldFile(home.PicturePath("img-09"));
        await using var cluster = await StartWithJobOnFront(home);
        await cluster.AddAsync("extract@worker");
        await cluster.Start(TestHome.ImageEncoder);
        await held.Reached;

        var stopping = cluster.StopAsync("extract@worker");
        await held.Release();
        await stopping.WaitAsync(Patience.Long, TestContext.Current.CancellationToken);

        var kept = home.LatentFiles(TestHome.ImageEncoder);
        Assert.InRange(kept.Count, 1, 2);

        // Long before the lease would expire: whoever left has given the shard back.
        var lease = await cluster.Extraction(TestHome.ImageEncoder).Lease("a test");
        Assert.Equal(kept.Count, lease?.Shard);
        await cluster.AddAsync("extract@other");
        await cluster.Extraction(TestHome.ImageEncoder).Cancel();
        var end = await cluster.Extract(TestHome.ImageEncoder);
        Assert.Equal((JobState.Completed, kept.Count * 8, 25), (end.State, end.ItemsFound, end.ItemsDone));
        var after = home.LatentFiles(TestHome.ImageEncoder);
        Assert.All(kept, file => Assert.Equal(file.Value, after[file.Key]));
    }

    [Fact]
    public async Task A_start_that_could_not_be_recorded_can_be_repeated()
    {
        using var home = TestHome.Create();
        var storage = new FaultyStorage { IsDown = true };
        await using var cluster = await TestCluster.StartAsync(home, [TestCluster.Everything], configure: storage.Configure);
        await Assert.ThrowsAnyAsync<Exception>(() => cluster.Start(TestHome.TextEncoder));
        storage.IsDown = false;
        Assert.Equal(JobState.Unknown, (await cluster.Extraction(TestHome.TextEncoder).Status()).State);
        Assert.Equal(JobState.Completed, (await cluster.Extract(TestHome.TextEncoder)).State);
    }

    /// <summary>A cluster whose image extraction lives on the node "front", which does not extract.</summary>
    private static async Task<TestCluster> StartWithJobOnFront(TestHome home)
    {
        var cluster = await TestCluster.StartAsync(home, ["gateway@front"]);
        await cluster.Extraction(TestHome.ImageEncoder).Status();
        return cluster;
    }
}
