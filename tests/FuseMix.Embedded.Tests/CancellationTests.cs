using FuseMix.Embedded.Tests.Clusters;
using Orleans;
using Orleans.Concurrency;

namespace FuseMix.Embedded.Tests;

public sealed class CancellationTests(SharedCluster cluster)
{
    private readonly string _key = Guid.NewGuid().ToString();

    private ICancellableGrain Grain => cluster.Client.GetGrain<ICancellableGrain>(_key);

    [Fact]
    public async Task Cancelling_a_call_cancels_the_grains_token_and_ends_the_wait()
    {
        using var cancellation = new CancellationTokenSource();
        var call = Grain.Wait("a", cancellation.Token);
        await Signals.Get(_key + "a-began");
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
        await Signals.Get(_key + "a-cancelled");
    }

    [Fact]
    public async Task The_wait_ends_even_if_the_grain_ignores_its_token()
    {
        using var cancellation = new CancellationTokenSource();
        var call = Grain.Ignore(cancellation.Token);
        await Signals.Get(_key + "ignoring");
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
        Signals.Set(_key + "release");
        Assert.Equal("done", await Signals.Get(_key + "ignored"));
    }

    [Fact]
    public async Task A_call_cancelled_beforehand_is_never_made()
    {
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Grain.Wait("b", new CancellationToken(canceled: true)));
        await Grain.Touch();
        Assert.False(Signals.IsSet(_key + "b-began"));
    }

    [Fact]
    public async Task A_call_cancelled_while_it_waits_its_turn_never_begins()
    {
        using var first = new CancellationTokenSource();
        using var second = new CancellationTokenSource();
        var running = Grain.Wait("c", first.Token);
        await Signals.Get(_key + "c-began");
        var queued = Grain.Wait("d", second.Token);
        await Grain.Peek();
        await second.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => queued);
        await Grain.Peek();
        await first.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
        await Grain.Touch();
        Assert.False(Signals.IsSet(_key + "d-began"));
    }

    [Fact]
    public async Task A_call_that_was_not_cancelled_gives_its_result_and_the_grain_always_has_a_token_of_its_own()
    {
        using var cancellation = new CancellationTokenSource();
        Assert.Equal((5, true), await Grain.Token(5, cancellation.Token));
        Assert.Equal((6, true), await Grain.Token(6, CancellationToken.None));
    }
}

public interface ICancellableGrain : IGrainWithStringKey
{
    Task Wait(string name, CancellationToken cancellationToken);

    Task Ignore(CancellationToken cancellationToken);

    Task<(int Number, bool CanBeCancelled)> Token(int number, CancellationToken cancellationToken = default);

    Task Touch();

    [AlwaysInterleave]
    Task Peek();
}

public sealed class CancellableGrain : Grain, ICancellableGrain
{
    private string Key => this.GetPrimaryKeyString();

    public async Task Wait(string name, CancellationToken cancellationToken)
    {
        Signals.Set($"{Key}{name}-began");
        try
        {
            await Task.Delay(Timeout.Infinite, cancellationToken);
        }
        catch (OperationCanceledException)
        {
            Signals.Set($"{Key}{name}-cancelled");
            throw;
        }
    }

    public async Task Ignore(CancellationToken cancellationToken)
    {
        Signals.Set(Key + "ignoring");
        await Signals.Get(Key + "release");
        Signals.Set(Key + "ignored", "done");
    }

    public Task<(int Number, bool CanBeCancelled)> Token(int number, CancellationToken cancellationToken) =>
        Task.FromResult((number, cancellationToken.CanBeCanceled));

    public Task Touch() => Task.CompletedTask;

    public Task Peek() => Task.CompletedTask;
}
