using FuseMix.Contracts.Collections;
using FuseMix.Grains.Search;
using FuseMix.Grains.Tests.Clusters;
using FuseMix.Retrieval.Generations;
using FuseMix.Testing;
using FuseMix.Testing.Clusters;
using Orleans.Runtime;

namespace FuseMix.Grains.Tests.Search;

/// <summary>How searches find out what is live while the collection's own node does not answer.</summary>
public sealed class LiveCollectionsTests(PreparedHome prepared) : IAsyncLifetime
{
    private const string Name = "boats";

    private readonly TestHome _home = prepared.Copy();
    private readonly ManualTimeProvider _clock = new();
    private readonly FakeGrain _grain = new();
    private LiveCollections _collections = null!;
    private CollectionStatus _stored = null!;

    private CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        await using var cluster = await TestCluster.StartAsync(_home);
        _stored = await cluster.Build(Name, new CollectionBuild(PreparedHome.Model, TestHome.Dataset));
        _collections = new LiveCollections(new CollectionStore(_home.Home), _clock);
    }

    public ValueTask DisposeAsync()
    {
        _home.Dispose();
        return ValueTask.CompletedTask;
    }

    [Fact]
    public async Task What_the_grain_says_is_what_is_live()
    {
        var said = _stored with { Generation = "g000009-cafe" };
        _grain.Answer = () => Task.FromResult(said);
        Assert.Same(said, await _collections.Find(_grain, Name, Stop));
    }

    [Fact]
    public async Task A_grain_that_is_silent_is_not_waited_for_longer_than_half_a_second_even_by_a_node_that_never_saw_the_collection()
    {
        _grain.Answer = () => new TaskCompletionSource<CollectionStatus>().Task;
        var finding = _collections.Find(_grain, Name, Stop);
        _clock.Advance(TimeSpan.FromMilliseconds(499));
        Assert.False(finding.IsCompleted);
        _clock.Advance(TimeSpan.FromMilliseconds(1));
        AssertStored(await finding.WaitAsync(Patience.Long, Stop));
    }

    [Fact]
    public async Task For_two_seconds_after_a_silence_the_grain_is_not_asked_and_then_it_is()
    {
        _grain.Answer = () => Task.FromException<CollectionStatus>(new SiloUnavailableException("dead"));
        AssertStored(await _collections.Find(_grain, Name, Stop));
        _clock.Advance(TimeSpan.FromSeconds(1.999));
        AssertStored(await _collections.Find(_grain, Name, Stop));
        Assert.Equal(1, _grain.Asked);

        _grain.Answer = () => Task.FromResult(_stored);
        _clock.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Same(_stored, await _collections.Find(_grain, Name, Stop));
        Assert.Same(_stored, await _collections.Find(_grain, Name, Stop));
        Assert.Equal(3, _grain.Asked);
    }

    [Fact]
    public async Task Where_the_storage_is_down_too_it_is_what_was_live_last()
    {
        _grain.Answer = () => Task.FromResult(_stored);
        await _collections.Find(_grain, Name, Stop);
        Directory.Delete(_home.Home.Collections, recursive: true);
        _grain.Answer = () => Task.FromException<CollectionStatus>(new TimeoutException());
        Assert.Same(_stored, await _collections.Find(_grain, Name, Stop));
        Assert.Same(_stored, await _collections.Find(_grain, Name, Stop));
    }

    [Fact]
    public async Task Where_nobody_knows_the_collection_it_is_said_to_be_silent_rather_than_missing()
    {
        _grain.Answer = () => Task.FromException<CollectionStatus>(new TimeoutException());
        var failure = await Assert.ThrowsAsync<FuseMixException>(() => _collections.Find(_grain, "other", Stop));
        Assert.Equal((FailureKind.Unavailable, "Collection 'other' does not answer."), (failure.Kind, failure.Message));
    }

    [Fact]
    public async Task What_the_grain_says_is_gone_is_gone_whatever_was_known()
    {
        _grain.Answer = () => Task.FromResult(_stored);
        await _collections.Find(_grain, "other", Stop);
        _grain.Answer = () => Task.FromException<CollectionStatus>(new FuseMixException(FailureKind.NotFound, "It is gone."));
        await Assert.ThrowsAsync<FuseMixException>(() => _collections.Find(_grain, "other", Stop));
        _grain.Answer = () => Task.FromException<CollectionStatus>(new TimeoutException());
        Assert.Equal(
            FailureKind.Unavailable, (await Assert.ThrowsAsync<FuseMixException>(() => _collections.Find(_grain, "other", Stop))).Kind);
    }

    [Fact]
    public async Task A_storage_that_stalls_is_waited_for_once_and_no_longer_than_a_grain()
    {
        _grain.Answer = () => Task.FromResult(_stored);
        await _collections.Find(_grain, Name, Stop);
        using var held = new HeldFile(Path.Combine(_home.Home.Collections, Name, "live.json"));
        _grain.Answer = () => Task.FromException<CollectionStatus>(new TimeoutException());
        var finding = _collections.Find(_grain, Name, Stop);
        await held.Reached;
        _clock.Advance(TimeSpan.FromMilliseconds(499));
        Assert.False(finding.IsCompleted);
        await Patience.Until(
            () =>
            {
                _clock.Advance(TimeSpan.FromMilliseconds(1));
                return Task.FromResult(finding.IsCompleted);
            },
            completed => completed);
        Assert.Same(_stored, await finding);
        Assert.Same(_stored, await _collections.Find(_grain, Name, Stop).WaitAsync(Patience.Long, Stop));

        // When it goes on, it is heard again.
        await held.Release();
        await Patience.Until(() => _collections.Find(_grain, Name, Stop), found => !ReferenceEquals(found, _stored));
    }

    [Fact]
    public async Task What_was_dropped_while_its_grain_is_silent_is_not_searched_any_more()
    {
        _grain.Answer = () => Task.FromResult(_stored);
        await _collections.Find(_grain, Name, Stop);
        Directory.Delete(Path.Combine(_home.Home.Collections, Name), recursive: true);
        _grain.Answer = () => Task.FromException<CollectionStatus>(new TimeoutException());
        for (var i = 0; i < 2; i++)
            Assert.Equal(
                FailureKind.Unavailable, (await Assert.ThrowsAsync<FuseMixException>(() => _collections.Find(_grain, Name, Stop))).Kind);
    }

    private void AssertStored(CollectionStatus status)
    {
        Assert.Equal(
            (_stored.Name, _stored.Generation, _stored.Model, _stored.Dimension),
            (status.Name, status.Generation, status.Model, status.Dimension));
        Assert.Equal(_stored.Shards, status.Shards);
    }

    private sealed class FakeGrain : ICollectionGrain
    {
        public Func<Task<CollectionStatus>> Answer { get; set; } = () => throw new NotSupportedException();

        public int Asked { get; private set; }

        public Task<CollectionStatus> Status()
        {
            Asked++;
            return Answer();
        }

        public Task<BuildStatus> StartBuild(CollectionBuild request) => throw new NotSupportedException();

        public Task<BuildStatus> BuildStatus() => throw new NotSupportedException();

        public Task<BuildStatus> CancelBuild() => throw new NotSupportedException();

        public IAsyncEnumerable<BuildStatus> WatchBuild(CancellationToken cancellationToken = default) => throw new NotSupportedException();

        public Task<CollectionStatus> GoLive(string generation) => throw new NotSupportedException();

        public Task Drop() => throw new NotSupportedException();
    }
}
