using FuseMix.Grains.Cluster;
using FuseMix.Grains.Training;
using FuseMix.Testing.Clusters;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging.Abstractions;

namespace FuseMix.Grains.Tests.Training;

public sealed class EvaluationQueueTests : IDisposable
{
    private readonly Host _host = new();
    private readonly EvaluationQueue _queue;

    public EvaluationQueueTests() =>
        _queue = new EvaluationQueue(new NodeOptions { Name = "one", EvaluationsQueued = 1 }, _host, NullLogger<EvaluationQueue>.Instance);

    public void Dispose()
    {
        _queue.Dispose();
        _host.Stopping.Dispose();
    }

    [Fact]
    public async Task Work_is_done_one_piece_at_a_time_and_one_too_many_is_refused_at_once()
    {
        var first = new Piece();
        var running = _queue.Run(first.Do, CancellationToken.None);
        await first.Begun;
        var second = new Piece();
        var waiting = _queue.Run(second.Do, CancellationToken.None);
        var refusal = await Assert.ThrowsAsync<FuseMixException>(() => _queue.Run(_ => 0, CancellationToken.None));
        Assert.Equal((FailureKind.Unavailable, "Node 'one' is busy: 1 evaluations wait there already."), (refusal.Kind, refusal.Message));
        Assert.NotNull(refusal.Remedy);
        Assert.False(second.HasBegun);

        first.Finish();
        Assert.Equal(1, await running);
        await second.Begun;
        second.Finish();
        Assert.Equal(1, await waiting);
    }

    [Fact]
    public async Task Work_that_waits_leaves_its_place_when_its_caller_leaves()
    {
        var first = new Piece();
        var running = _queue.Run(first.Do, CancellationToken.None);
        await first.Begun;
        using var leaving = new CancellationTokenSource();
        var second = new Piece();
        var waiting = _queue.Run(second.Do, leaving.Token);
        await leaving.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        var third = _queue.Run(_ => 3, CancellationToken.None);
        first.Finish();
        Assert.Equal((1, 3), (await running, await third));
        Assert.False(second.HasBegun);
    }

    [Fact]
    public async Task Work_that_has_begun_is_told_when_its_caller_leaves_and_the_next_one_begins_once_it_has_stopped()
    {
        using var leaving = new CancellationTokenSource();
        var first = new Piece();
        var running = _queue.Run(first.Do, leaving.Token);
        await first.Begun;
        var next = _queue.Run(_ => 2, CancellationToken.None);
        await leaving.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
        Assert.Equal(2, await next);
    }

    [Fact]
    public async Task Work_on_a_node_that_stops_is_stopped_and_its_caller_told_to_ask_again()
    {
        var piece = new Piece();
        var running = _queue.Run(piece.Do, CancellationToken.None);
        await piece.Begun;
        await _host.Stopping.CancelAsync();
        var failure = await Assert.ThrowsAsync<FuseMixException>(() => running);
        Assert.Equal((FailureKind.Unavailable, "Node 'one' is stopping."), (failure.Kind, failure.Message));
    }

    [Fact]
    public async Task What_fails_gives_its_place_back()
    {
        for (var i = 0; i < 3; i++)
            await Assert.ThrowsAsync<InvalidOperationException>(
                () => _queue.Run<int>(_ => throw new InvalidOperationException(), CancellationToken.None));
        Assert.Equal(1, await _queue.Run(_ => 1, CancellationToken.None));
    }

    /// <summary>Work that lasts until the test finishes it, or it is told to stop.</summary>
    private sealed class Piece
    {
        private readonly TaskCompletionSource _begun = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly TaskCompletionSource _finished = new();

        public Task Begun => _begun.Task.WaitAsync(Patience.Long);

        public bool HasBegun => _begun.Task.IsCompleted;

        public void Finish() => _finished.SetResult();

        public int Do(CancellationToken stop)
        {
            _begun.SetResult();
            _finished.Task.Wait(stop);
            return 1;
        }
    }

    private sealed class Host : IHostApplicationLifetime
    {
        public CancellationTokenSource Stopping { get; } = new();

        public CancellationToken ApplicationStarted => CancellationToken.None;

        public CancellationToken ApplicationStopping => Stopping.Token;

        public CancellationToken ApplicationStopped => CancellationToken.None;

        public void StopApplication() => Stopping.Cancel();
    }
}
