using FuseMix.Grains.Cluster;
using FuseMix.Grains.Search;
using FuseMix.Testing;
using FuseMix.Testing.Clusters;

namespace FuseMix.Grains.Tests.Search;

public sealed class QueryWorkTests : IDisposable
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(10);

    private readonly ManualTimeProvider _clock = new();
    private readonly QueryWork _work;
    private readonly ManualResetEventSlim _go = new();
    private int _running;

    public QueryWorkTests() => _work = new QueryWork(new NodeOptions { Threads = 2 }, _clock);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _go.Set();
        _work.Dispose();
        _go.Dispose();
    }

    [Fact]
    public async Task No_more_runs_at_a_time_than_the_node_has_threads_and_all_has_its_turn()
    {
        var all = Enumerable.Range(0, 20).Select(i => Start(i)).ToArray();
        await Patience.Until(() => Task.FromResult(_running), running => running == 2);
        Assert.Equal(2, _running);
        Assert.DoesNotContain(all, work => work.IsCompleted);
        _go.Set();
        Assert.Equal(Enumerable.Range(0, 20), await Task.WhenAll(all));
    }

    [Fact]
    public async Task What_has_no_turn_by_its_deadline_is_late_and_takes_none()
    {
        Task<int>[] hanging = [Start(0), Start(1)];
        await Patience.Until(() => Task.FromResult(_running), running => running == 2);
        var late = Start(2);
        _clock.Advance(Deadline);
        foreach (var work in (Task<int>[])[.. hanging, late]) await Assert.ThrowsAsync<TimeoutException>(() => work);

        // Those that hang keep their turns until they have ended.
        var next = Start(3);
        Assert.Equal(2, _running);
        _go.Set();
        Assert.Equal(3, await next);
    }

    [Fact]
    public async Task Who_goes_waits_for_nothing()
    {
        using var gone = new CancellationTokenSource();
        Task<int>[] all = [Start(0, gone.Token), Start(1, gone.Token), Start(2, gone.Token)];
        await gone.CancelAsync();
        foreach (var work in all) await Assert.ThrowsAnyAsync<OperationCanceledException>(() => work);
        _go.Set();
        Assert.Equal(7, await Start(7));
    }

    [Fact]
    public async Task A_failure_is_its_own_and_ends_the_turn()
    {
        for (var i = 0; i < 5; i++)
            await Assert.ThrowsAsync<InvalidDataException>(() => _work.Run<int>(_ => throw new InvalidDataException(), Deadline, Stop));
        _go.Set();
        Assert.Equal(7, await Start(7));
    }

    [Fact]
    public Task Where_no_time_is_left_nothing_is_begun() =>
        Assert.ThrowsAsync<TimeoutException>(() => _work.Run<int>(_ => throw new InvalidDataException(), TimeSpan.Zero, Stop));

    private Task<int> Start(int value, CancellationToken cancellationToken = default) => _work.Run(
        _ =>
        {
            Interlocked.Increment(ref _running);
            if (!_go.Wait(Patience.Long)) throw new TimeoutException("The test never let it go on.");
            Interlocked.Decrement(ref _running);
            return value;
        },
        Deadline,
        cancellationToken);
}
