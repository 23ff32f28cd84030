using System.Runtime.CompilerServices;
using FuseMix.Contracts;
using FuseMix.Contracts.Catalog;
using FuseMix.Contracts.Cluster;
using FuseMix.Contracts.Collections;
using FuseMix.Testing;
using Orleans.Runtime;

namespace FuseMix.Client.Tests.Grains;

/// <summary>What becomes of calls and watches when nodes die.</summary>
public sealed class GrainFailureTests
{
    private readonly ManualTimeProvider _clock = new();

    [Fact]
    public async Task A_call_whose_node_died_is_made_again()
    {
        var grain = new FakeCluster(new SiloUnavailableException("dead"), new SiloUnavailableException("dead"), null);
        Assert.Equal("local", Assert.Single((await Play(Client(grain).Cluster())).Nodes).Name);
        Assert.Equal(3, grain.Calls);
    }

    [Fact]
    public async Task A_cluster_that_stays_away_is_given_up_in_words_that_help()
    {
        var grain = new FakeCluster(new SiloUnavailableException("dead"));
        var failure = await Assert.ThrowsAsync<FuseMixException>(() => Play(Client(grain).Cluster()));
        Assert.Equal((FailureKind.Unavailable, "The cluster cannot be reached: dead."), (failure.Kind, failure.Message));
        Assert.NotNull(failure.Remedy);
        Assert.True(grain.Calls > 3);
    }

    [Fact]
    public async Task A_call_that_nobody_answered_in_time_is_not_made_again()
    {
        var grain = new FakeCluster(new TimeoutException("Response did not arrive on time in 00:00:30"));
        var failure = await Assert.ThrowsAsync<FuseMixException>(() => Client(grain).Cluster());
        Assert.Equal((FailureKind.Unavailable, "The cluster did not answer in time."), (failure.Kind, failure.Message));
        Assert.Equal(1, grain.Calls);
    }

    [Fact]
    public async Task A_failure_in_the_words_of_the_cluster_is_passed_on()
    {
        var said = new FuseMixException(FailureKind.Conflict, "No.", "Do this.");
        Assert.Same(said, await Assert.ThrowsAsync<FuseMixException>(() => Client(new FakeCluster(said)).Cluster()));
    }

    [Fact]
    public async Task A_fault_of_the_cluster_is_called_one()
    {
        var failure = await Assert.ThrowsAsync<FuseMixException>(() => Client(new FakeCluster(new InvalidOperationException("broken"))).Cluster());
        Assert.Equal(FailureKind.Internal, failure.Kind);
        Assert.Contains("broken", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_caller_who_gives_up_does_not_wait_for_the_grain()
    {
        using var stop = new CancellationTokenSource();
        var call = Client(new FakeCluster { Hangs = true }).Cluster(stop.Token);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
    }

    [Fact]
    public async Task A_watch_whose_node_died_goes_on_at_the_next_one()
    {
        var grain = new FakeCollection(
            [Status(JobState.Running, 1), new EnumerationAbortedException("the activation is gone")],
            [new SiloUnavailableException("dead")],
            [Status(JobState.Running, 1), Status(JobState.Completed, 3)]);
        Assert.Equal([1, 3], (await Play(Watch(grain))).Select(s => s.ItemsDone));
    }

    [Fact]
    public async Task A_watch_that_finds_nobody_is_given_up()
    {
        var failure = await Assert.ThrowsAsync<FuseMixException>(() => Play(Watch(new FakeCollection([Status(JobState.Running, 1), new SiloUnavailableException("dead")], [new SiloUnavailableException("dead")]))));
        Assert.Equal(FailureKind.Unavailable, failure.Kind);
    }

    [Fact]
    public async Task A_watch_that_is_refused_says_why()
    {
        var said = new FuseMixException(FailureKind.NotFound, "There is no such thing.");
        Assert.Same(said, await Assert.ThrowsAsync<FuseMixException>(() => Watch(new FakeCollection([said]))));
    }

    [Fact]
    public async Task Without_the_home_folder_its_files_are_elsewhere()
    {
        var client = Client(new FakeCollection());
        foreach (var call in (Func<Task>[])
            [
                () => client.Content("c", "i"), () => client.PutEncoder("e", "folder"), () => client.RemoveEncoder("e"),
                () => client.PutDataset("d", new DatasetSource(DatasetFormat.Folder, "folder")), () => client.RegisterDataset("d", "f"), () => client.RemoveDataset("d"),
            ])
        {
            var failure = await Assert.ThrowsAsync<FuseMixException>(call);
            Assert.Equal(FailureKind.Unavailable, failure.Kind);
            Assert.Contains("HttpFuseMixClient", failure.Remedy, StringComparison.Ordinal);
        }
    }

    private GrainFuseMixClient Client(object grain)
    {
        SynchronizationContext.SetSynchronizationContext(null);
        return new GrainFuseMixClient(FakeGrains.Of(grain), clock: _clock);
    }

    private async Task<List<BuildStatus>> Watch(FakeCollection grain)
    {
        var all = new List<BuildStatus>();
        await foreach (var status in Client(grain).WatchBuild("c")) all.Add(status);
        return all;
    }

    private async Task<T> Play<T>(Task<T> work)
    {
        while (!work.IsCompleted)
        {
            if (_clock.WaitingTimers > 0) _clock.Advance(TimeSpan.FromSeconds(1));
            await Task.Yield();
        }

        return await work;
    }

    private static BuildStatus Status(JobState state, long done) => new("c", null, state, 3, done, null, false, TimeSpan.Zero, null);

    private sealed class FakeCluster(params Exception?[] failures) : IClusterGrain
    {
        public int Calls { get; private set; }

        public bool Hangs { get; init; }

        public Task<ClusterStatus> Status()
        {
            if (Hangs) return new TaskCompletionSource<ClusterStatus>().Task;
            return failures[Math.Min(Calls++, failures.Length - 1)] is { } failure
                ? Task.FromException<ClusterStatus>(failure)
                : Task.FromResult(new ClusterStatus([new NodeStatus("local", [], [], "Active")]));
        }
    }

    /// <summary>A collection whose watches tell what a test says, one after the other; the last one for ever.</summary>
    private sealed class FakeCollection(params object[][] watches) : ICollectionGrain
    {
        private int _watched;

        public async IAsyncEnumerable<BuildStatus> WatchBuild([EnumeratorCancellation] CancellationToken cancellationToken = default)
        {
            await Task.CompletedTask;
            foreach (var step in watches[Math.Min(_watched++, watches.Length - 1)])
            {
                if (step is Exception failure) throw failure;
                yield return (BuildStatus)step;
            }
        }

        public Task<BuildStatus> StartBuild(CollectionBuild request) => throw new NotSupportedException();

        public Task<BuildStatus> BuildStatus() => Task.FromResult(GrainFailureTests.Status(JobState.Running, 0));

        public Task<BuildStatus> CancelBuild() => throw new NotSupportedException();

        public Task<CollectionStatus> Status() => throw new NotSupportedException();

        public Task<CollectionStatus> GoLive(string generation) => throw new NotSupportedException();

        public Task Drop() => throw new NotSupportedException();
    }
}
