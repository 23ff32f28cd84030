using System.Reflection;
using FuseMix.Contracts.Collections;
using FuseMix.Grains.Search;
using Orleans;
using Orleans.Runtime;

namespace FuseMix.Grains.Tests.Search;

public sealed class LiveCollectionsTests
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);

    private readonly LiveCollections _collections = new(TimeProvider.System);

    [Fact]
    public async Task A_collection_whose_node_leaves_while_it_is_asked_for_the_first_time_is_asked_again()
    {
        var grains = Answers(new SiloUnavailableException(), new SiloUnavailableException(), Live("g2"));
        Assert.Equal("g2", (await Find(grains, Deadline)).Generation);
    }

    [Fact]
    public async Task A_collection_that_never_comes_back_is_given_up_at_the_deadline_with_the_cause()
    {
        var failure = await Assert.ThrowsAsync<FuseMixException>(() => Find(Answers(new SiloUnavailableException()), TimeSpan.Zero));
        Assert.Equal(FailureKind.Unavailable, failure.Kind);
        Assert.IsType<SiloUnavailableException>(failure.InnerException);
    }

    [Fact]
    public async Task A_collection_that_was_seen_before_is_searched_as_it_was_and_not_asked_again()
    {
        var grains = Answers(Live("g1"), new SiloUnavailableException(), Live("g2"));
        Assert.Equal("g1", (await Find(grains, Deadline)).Generation);
        Assert.Equal("g1", (await Find(grains, Deadline)).Generation);
        Assert.Equal("g2", (await Find(grains, Deadline)).Generation);
    }

    private Task<CollectionStatus> Find(IGrainFactory grains, TimeSpan deadline) =>
        _collections.Find(grains, "boats", deadline, TestContext.Current.CancellationToken);

    private static CollectionStatus Live(string generation) => new("boats", generation, "model", "fingerprint", "dataset", 8, [], []);

    /// <summary>Grains of a cluster in which a collection gives these answers, or fails with them, one after the other.</summary>
    private static IGrainFactory Answers(params object[] answers)
    {
        var collection = DispatchProxy.Create<ICollectionGrain, Answering>();
        var left = new Queue<object>(answers);
        ((Answering)(object)collection).Answer = () => left.Dequeue() switch
        {
            Exception failure => Task.FromException<CollectionStatus>(failure),
            var status => Task.FromResult((CollectionStatus)status),
        };
        var grains = DispatchProxy.Create<IGrainFactory, Answering>();
        ((Answering)(object)grains).Answer = () => collection;
        return grains;
    }

    private class Answering : DispatchProxy
    {
        public Func<object> Answer { get; set; } = null!;

        protected override object? Invoke(MethodInfo? targetMethod, object?[]? args) => Answer();
    }
}
