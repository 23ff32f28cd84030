using FuseMix.Contracts;
using FuseMix.Contracts.Collections;
using FuseMix.Contracts.Jobs;
using FuseMix.Grains.Tests.Clusters;
using FuseMix.Testing.Clusters;

namespace FuseMix.Grains.Tests.Jobs;

public sealed class JobListGrainTests(PreparedHome prepared)
{
    [Fact]
    public async Task Every_job_is_listed_the_one_begun_last_first()
    {
        using var home = TestHome.Create();
        await using var cluster = await TestCluster.StartAsync(home);
        Assert.Empty(await Jobs(cluster).List(JobKind.Extraction));
        await cluster.Extract(TestHome.TextEncoder);
        await cluster.Extract(TestHome.ImageEncoder);
        await cluster.Train(PreparedHome.Request("one", "one"));
        await cluster.Build("boats", new CollectionBuild("one", TestHome.Dataset));

        Assert.Equal(["boats/tiny-image", "boats/tiny-text"], (await Jobs(cluster).List(JobKind.Extraction)).Select(job => job.Key));
        Assert.Equal(["boats"], (await Jobs(cluster).List(JobKind.Build)).Select(job => job.Key));
        Assert.Equal(["trainer"], (await Jobs(cluster).List(JobKind.Training)).Select(job => job.Key));
    }

    [Fact]
    public async Task What_is_listed_outlives_the_cluster()
    {
        using var home = TestHome.Create();
        await using (var first = await TestCluster.StartAsync(home)) await first.Extract(TestHome.TextEncoder);
        await using var second = await TestCluster.StartAsync(home);
        Assert.Equal([new JobReference(JobKind.Extraction, "boats/tiny-text")], await Jobs(second).List(JobKind.Extraction));
    }

    [Fact]
    public async Task A_job_that_found_all_its_work_done_is_not_listed_as_begun()
    {
        using var home = prepared.Copy();
        await using var cluster = await TestCluster.StartAsync(home);
        Assert.Equal(JobState.Completed, (await cluster.Start(TestHome.TextEncoder)).State);
        Assert.Empty(await Jobs(cluster).List(JobKind.Extraction));
    }

    [Fact]
    public async Task A_training_whose_node_died_goes_on_when_the_list_wakes_its_jobs()
    {
        var stage = new TrainingStage();
        using var home = prepared.Copy();
        await using var cluster = await TestCluster.StartAsync(home, ["gateway@front", "train@left"], configure: stage.Configure);
        var hold = stage.HoldAt(7, 8);
        await cluster.Trainer.Submit(PreparedHome.Request("cut", "cut", 7));
        await hold.Reached;
        await cluster.AddAsync("train@right");
        await cluster.KillAsync("train@left");

        // Nobody asks for the job itself.
        var heir = stage.HoldAt(7, 9);
        var waking = Patience.Until(() => Wake(cluster), _ => heir.Reached.IsCompletedSuccessfully);
        await heir.Reached;
        Assert.Equal("right", stage.Runs.Last().Node);
        heir.Release();
        hold.Release();
        await waking;
        Assert.Equal(JobState.Completed, (await cluster.EndOf("cut")).State);
    }

    [Fact]
    public async Task There_is_one_list_and_no_other_key()
    {
        using var home = TestHome.Create();
        await using var cluster = await TestCluster.StartAsync(home);
        var failure = await Assert.ThrowsAsync<FuseMixException>(() => cluster.Grains.GetGrain<IJobListGrain>("other").List(JobKind.Build));
        Assert.Equal(FailureKind.Invalid, failure.Kind);
    }

    private static IJobListGrain Jobs(TestCluster cluster) => cluster.Grains.GetGrain<IJobListGrain>(IJobListGrain.Key);

    private static async Task<bool> Wake(TestCluster cluster)
    {
        await Jobs(cluster).Wake();
        return true;
    }
}
