using FuseMix.Contracts;
using FuseMix.Contracts.Collections;
using FuseMix.Grains.Tests.Clusters;
using FuseMix.Storage;
using FuseMix.Testing.Clusters;
using Orleans.Runtime;

namespace FuseMix.Grains.Tests.Collections;

/// <summary>Builds of collections that are watched, cancelled, repeated, contradicted, or lose their node.</summary>
public sealed class CollectionBuildTests(PreparedHome prepared)
{
    private static readonly CollectionBuild Boats = new(PreparedHome.Model, TestHome.Dataset, RowsPerShard: 10);

    [Fact]
    public async Task A_collection_that_was_never_built_says_so()
    {
        using var home = prepared.Copy();
        await using var cluster = await TestCluster.StartAsync(home);
        var status = await cluster.Collection("boats").BuildStatus();
        Assert.Equal((JobState.Unknown, (CollectionBuild?)null), (status.State, status.Request));
    }

    [Fact]
    public async Task A_watcher_sees_the_build_to_its_end()
    {
        using var home = prepared.Copy();
        await using var cluster = await TestCluster.StartAsync(home);
        var started = await cluster.Collection("boats").StartBuild(Boats);
        Assert.Equal(Boats, started.Request);
        var seen = await Patience.Read(cluster.Collection("boats").WatchBuild());
        Assert.Equal(JobState.Completed, seen[^1].State);
        Assert.Equal((await cluster.Collection("boats").Status()).Generation, seen[^1].Generation);
        Assert.Equal(seen[^1], await cluster.Collection("boats").BuildStatus());
    }

    [Fact]
    public async Task A_build_of_something_else_is_refused_while_one_runs_and_the_same_is_recognised()
    {
        using var home = prepared.Copy();
        await using var cluster = await TestCluster.StartAsync(home);
        using var held = Hold(home);
        var running = await cluster.Collection("boats").StartBuild(Boats);
        Assert.Equal(JobState.Running, running.State);
        Assert.Equal(JobState.Running, (await cluster.Collection("boats").StartBuild(Boats)).State);
        var failure = await Assert.ThrowsAsync<FuseMixException>(
            () => cluster.Collection("boats").StartBuild(Boats with { RowsPerShard = 7 }));
        Assert.Equal(FailureKind.Conflict, failure.Kind);
        Assert.Contains("is being built", failure.Message, StringComparison.Ordinal);
        held.Dispose();
        Assert.NotEmpty((await cluster.EndOfBuild("boats")).Generation);
    }

    [Fact]
    public async Task A_node_that_only_looks_leaves_an_unfinished_build_to_whoever_works()
    {
        using var home = prepared.Copy();
        using (Hold(home))
        {
            await using var cluster = await TestCluster.StartAsync(home);
            await cluster.Collection("boats").StartBuild(Boats);
            await cluster.KillAsync(TestCluster.Everything);
        }

        await using (var looking = await TestCluster.StartAsync(home, [TestCluster.Everything], options: node => node.ResumesJobs = false))
        {
            var status = await looking.Collection("boats").BuildStatus();
            Assert.Equal((JobState.Running, TimeSpan.Zero), (status.State, status.Elapsed));
        }

        await using var working = await TestCluster.StartAsync(home);
        Assert.NotEmpty((await working.EndOfBuild("boats")).Generation);
    }

    [Fact]
    public async Task A_cancelled_build_leaves_what_was_live_and_can_begin_anew()
    {
        using var home = prepared.Copy();
        await using var cluster = await TestCluster.StartAsync(home);
        var before = await cluster.Build("boats", Boats with { RowsPerShard = 5 });
        using var held = Hold(home);
        await cluster.Collection("boats").StartBuild(Boats);
        var cancelling = cluster.Collection("boats").CancelBuild();
        held.Dispose();
        Assert.Equal(JobState.Cancelled, (await cancelling).State);
        Assert.Equal(before.Generation, (await cluster.Collection("boats").Status()).Generation);
        Assert.Equal(JobState.Cancelled, (await cluster.Collection("boats").CancelBuild()).State);

        Assert.NotEqual(before.Generation, (await cluster.Build("boats", Boats)).Generation);
    }

    [Fact]
    public async Task A_start_is_answered_before_it_is_known_whether_there_is_anything_to_build_and_can_be_cancelled()
    {
        using var home = prepared.Copy();
        await using var cluster = await TestCluster.StartAsync(home);
        using var held = new HeldFile(Directory.GetFiles(Path.Combine(home.Home.Datasets, TestHome.Dataset), "items-*.jsonl").Single());
        for (var i = 0; i < 2; i++) Assert.Equal(JobState.Running, (await cluster.Collection("boats").StartBuild(Boats)).State);
        Assert.Equal(JobState.Cancelled, (await cluster.Collection("boats").CancelBuild()).State);
        await held.Release();
        Assert.NotEmpty((await cluster.Build("boats", Boats)).Generation);
    }

    [Fact]
    public async Task A_build_whose_node_died_begins_anew_on_another()
    {
        using var home = prepared.Copy();
        await using var cluster = await TestCluster.StartAsync(home, ["gateway+index@left"]);
        using var held = Hold(home);
        await cluster.Collection("boats").StartBuild(Boats);
        await cluster.AddAsync("gateway+index@right");
        await cluster.KillAsync("gateway+index@left");
        Assert.Equal(JobState.Running, (await Patience.Until(() => Status(cluster), status => status is not null))!.State);
        held.Dispose();

        var end = await Patience.Until(() => cluster.Collection("boats").BuildStatus(), status => status.State.IsOver());
        Assert.Equal((JobState.Completed, (string?)null), (end.State, end.Error));

        // The thread of the dead node builds on, and one of the two finds that the other was first.
        var status = await cluster.Collection("boats").Status();
        Assert.Equal(end.Generation, status.Generation);
        Assert.Equal(50, status.Shards.Sum(shard => shard.Count));
    }

    [Fact]
    public async Task A_build_is_not_over_before_its_end_is_recorded()
    {
        var storage = new FaultyStorage();
        var gate = new TaskCompletionSource();
        using var home = prepared.Copy();
        await using var cluster = await TestCluster.StartAsync(home, [TestCluster.Everything], configure: storage.Configure);
        using var held = Hold(home);
        await cluster.Collection("boats").StartBuild(Boats);
        storage.Gate = gate.Task;
        held.Dispose();
        await Patience.Until(() => Task.FromResult(storage.Waiting), waiting => waiting > 0);
        var status = await cluster.Collection("boats").BuildStatus();
        gate.SetResult();
        Assert.Equal((JobState.Running, (string?)null), (status.State, status.Generation));
        Assert.NotEmpty((await cluster.EndOfBuild("boats")).Generation);
    }

    [Fact]
    public async Task A_build_that_cannot_be_recorded_can_be_asked_for_again()
    {
        var storage = new FaultyStorage();
        using var home = prepared.Copy();
        await using var cluster = await TestCluster.StartAsync(home, [TestCluster.Everything], configure: storage.Configure);
        storage.IsDown = true;
        await Assert.ThrowsAnyAsync<Exception>(() => cluster.Collection("boats").StartBuild(Boats));
        storage.IsDown = false;
        var built = await Patience.Until(() => TryBuild(cluster), built => built is not null);
        Assert.Equal(50, built!.Shards.Sum(shard => shard.Count));
    }

    private static async Task<CollectionStatus?> TryBuild(TestCluster cluster)
    {
        try
        {
            return await cluster.Build("boats", Boats);
        }
        catch (IOException)
        {
            return null;
        }
    }

    /// <summary>While it is held, builds wait before they write anything.</summary>
    private static FileLock Hold(TestHome home) =>
        FileLock.Acquire(Path.Combine(home.Home.Collections, ".locks", "boats"), "The collection", TimeSpan.Zero);

    private static async Task<BuildStatus?> Status(TestCluster cluster)
    {
        try
        {
            // A call that was on its way to the node when that died may never be answered.
            return await cluster.Collection("boats").BuildStatus().WaitAsync(TimeSpan.FromSeconds(5));
        }
        catch (Exception failure) when (failure is OrleansException or TimeoutException)
        {
            return null;
        }
    }
}
