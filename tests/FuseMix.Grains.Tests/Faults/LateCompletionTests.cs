using FuseMix.Contracts;
using FuseMix.Contracts.Collections;
using FuseMix.Contracts.Jobs;
using FuseMix.Grains.Tests.Clusters;

namespace FuseMix.Grains.Tests.Faults;

/// <summary>Commands whose caller gave up before they were done: they are done all the same, and asking again does nothing twice.</summary>
public sealed class LateCompletionTests(PreparedHome prepared)
{
    [Fact]
    public async Task An_extraction_that_started_after_its_caller_gave_up_is_recognised()
    {
        using var home = TestHome.Create();
        await using var cluster = await TestCluster.StartAsync(home);
        using var held = new HeldFile(Directory.GetFiles(Path.Combine(home.Home.Datasets, TestHome.Dataset), "items-*.jsonl").Single());
        var first = cluster.Start(TestHome.TextEncoder);
        await held.Reached;
        await Assert.ThrowsAsync<TimeoutException>(() => first.WaitAsync(TimeSpan.Zero, TestContext.Current.CancellationToken));

        var again = cluster.Start(TestHome.TextEncoder);
        await held.Release();
        await Task.WhenAll(first, again);
        var end = (await Patience.Read(cluster.Extraction(TestHome.TextEncoder).Watch()))[^1];
        Assert.Equal((JobState.Completed, 0, 25), (end.State, end.ItemsFound, end.ItemsDone));
        Assert.Single(cluster.Log.Lines(1001));
    }

    [Fact]
    public async Task A_training_is_accepted_before_its_data_are_read_and_asked_for_twice_runs_once()
    {
        var stage = new TrainingStage();
        using var home = prepared.Copy();
        await using var cluster = await TestCluster.StartAsync(home, [TestCluster.Everything], configure: stage.Configure);
        var request = PreparedHome.Request("late", "late", 7);
        using var held = new HeldFile(Directory.GetFiles(Path.Combine(home.Home.Datasets, TestHome.Dataset), "items-*.jsonl").Single());

        // Whatever the work itself has to read, the answer does not wait for it.
        var first = await cluster.Trainer.Submit(request);
        Assert.Contains(first.State, (JobState[])[JobState.Queued, JobState.Running]);
        await held.Reached;
        var again = await cluster.Trainer.Submit(request);
        Assert.Equal((first.JobId, first.SubmittedAt), (again.JobId, again.SubmittedAt));
        await held.Release();
        Assert.Equal(JobState.Completed, (await cluster.EndOf("late")).State);
        Assert.Single(await cluster.Trainings());
        Assert.Single(stage.Runs);
    }

    [Fact]
    public async Task A_build_that_began_after_its_caller_gave_up_makes_one_generation()
    {
        using var home = prepared.Copy();
        await using var cluster = await TestCluster.StartAsync(home);
        var request = new CollectionBuild(PreparedHome.Model, TestHome.Dataset);
        using var held = new HeldFile(Directory.GetFiles(Path.Combine(home.Home.Datasets, TestHome.Dataset), "items-*.jsonl").Single());
        var first = cluster.Collection("boats").StartBuild(request);
        await held.Reached;
        await Assert.ThrowsAsync<TimeoutException>(() => first.WaitAsync(TimeSpan.Zero, TestContext.Current.CancellationToken));

        var again = cluster.Collection("boats").StartBuild(request);
        await held.Release();
        await Task.WhenAll(first, again);
        Assert.Single((await cluster.EndOfBuild("boats")).Generations);
        Assert.Single(await cluster.Grains.GetGrain<IJobListGrain>(IJobListGrain.Key).List(JobKind.Build));
    }
}
