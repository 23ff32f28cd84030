using System.Runtime.CompilerServices;
using FuseMix.Embedded.Tests.Clusters;
using Orleans;
using Orleans.Runtime;

namespace FuseMix.Embedded.Tests;

public sealed class SequenceTests(SharedCluster cluster)
{
    private readonly string _key = Guid.NewGuid().ToString();

    private ISequenceGrain Grain => cluster.Client.GetGrain<ISequenceGrain>(_key);

    [Fact]
    public async Task All_elements_arrive_in_order() =>
        Assert.Equal(Enumerable.Range(0, 250), await Grain.Count(250).ToListAsync());

    [Fact]
    public async Task An_empty_sequence_ends_at_once() => Assert.Empty(await Grain.Count(0).ToListAsync());

    [Fact]
    public async Task A_caller_that_stops_early_ends_the_enumerator_in_the_grain()
    {
        await foreach (var n in Grain.Signalled())
        {
            Signals.Set(_key + "go");
            if (n == 1) break;
        }

        await Signals.Get(_key + "ended");
    }

    [Fact]
    public async Task Cancelling_ends_the_wait_and_the_enumerator_in_the_grain()
    {
        using var cancellation = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (var n in Grain.Forever(cancellation.Token))
            {
                if (n == 0) await cancellation.CancelAsync();
            }
        });
        await Signals.Get(_key + "ended");
    }

    [Fact]
    public async Task A_token_given_to_the_enumeration_works_as_well()
    {
        using var cancellation = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (var n in Grain.Forever().WithCancellation(cancellation.Token))
            {
                if (n == 0) await cancellation.CancelAsync();
            }
        });
        await Signals.Get(_key + "ended");
    }

    [Fact]
    public async Task A_failure_arrives_after_the_elements_before_it()
    {
        var seen = new List<int>();
        var failure = await Assert.ThrowsAsync<FuseMixException>(async () =>
        {
            await foreach (var n in Grain.FailAfter(3)) seen.Add(n);
        });
        Assert.Equal(FailureKind.Corrupt, failure.Kind);
        Assert.Equal([0, 1, 2], seen);
    }

    [Fact]
    public async Task The_grain_serves_other_calls_meanwhile()
    {
        await using var elements = Grain.Signalled().GetAsyncEnumerator();
        Assert.True(await elements.MoveNextAsync());
        var next = elements.MoveNextAsync();
        Assert.Equal("pong", await Grain.Ping());
        Signals.Set(_key + "go");
        Assert.True(await next);
    }

    [Fact]
    public async Task An_enumeration_does_not_outlive_the_activation()
    {
        await using var elements = Grain.Signalled().GetAsyncEnumerator();
        Assert.True(await elements.MoveNextAsync());
        await Grain.End();
        Signals.Set(_key + "go");
        await Grain.Ping();
        await Assert.ThrowsAsync<EnumerationAbortedException>(async () => await elements.MoveNextAsync());
    }

    [Fact]
    public async Task Two_enumerations_of_one_sequence_are_independent()
    {
        var sequence = Grain.Count(3);
        Assert.Equal([0, 1, 2], await sequence.ToListAsync());
        Assert.Equal([0, 1, 2], await sequence.ToListAsync());
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task A_wait_for_an_element_may_take_longer_than_a_call_and_a_forgotten_enumerator_is_ended()
    {
        await using var own = await ContractCluster.StartAsync(["a@own"], responseTimeout: TimeSpan.FromSeconds(1));
        var grain = own.Client.GetGrain<ISequenceGrain>(_key);
        await using var elements = grain.Signalled().GetAsyncEnumerator();
        Assert.True(await elements.MoveNextAsync());
        var next = elements.MoveNextAsync().AsTask();
        await Assert.ThrowsAsync<TimeoutException>(grain.Never);
        Assert.False(next.IsCompleted);
        Signals.Set(_key + "go");
        Assert.True(await next);
        await Signals.Get(_key + "ended");
        await Assert.ThrowsAsync<EnumerationAbortedException>(async () => await elements.MoveNextAsync());
        Signals.Set(_key + "never");
    }
}

public interface ISequenceGrain : IGrainWithStringKey
{
    IAsyncEnumerable<int> Count(int to);

    IAsyncEnumerable<int> Signalled();

    IAsyncEnumerable<int> Forever(CancellationToken cancellationToken = default);

    IAsyncEnumerable<int> FailAfter(int elements);

    Task<string> Ping();

    Task Never();

    Task End();
}

public sealed class SequenceGrain : Grain, ISequenceGrain
{
    private string Key => this.GetPrimaryKeyString();

    public async IAsyncEnumerable<int> Count(int to)
    {
        for (var n = 0; n < to; n++)
        {
            if (n % 7 == 0) await Task.Yield();
            yield return n;
        }
    }

    public async IAsyncEnumerable<int> Signalled()
    {
        try
        {
            yield return 0;
            await Signals.Get(Key + "go");
            yield return 1;
            await Task.Yield();
            for (var n = 2; ; n++)
            {
                await Task.Yield();
                yield return n;
            }
        }
        finally
        {
            Signals.Set(Key + "ended");
        }
    }

    public async IAsyncEnumerable<int> Forever([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        try
        {
            yield return 0;
            await Task.Delay(Timeout.Infinite, cancellationToken);
        }
        finally
        {
            Signals.Set(Key + "ended");
        }
    }

    public async IAsyncEnumerable<int> FailAfter(int elements)
    {
        for (var n = 0; n < elements; n++)
        {
            await Task.Yield();
            yield return n;
        }

        await Task.Yield();
        throw new FuseMixException(FailureKind.Corrupt, "It broke.");
    }

    public Task<string> Ping() => Task.FromResult("pong");

    public Task Never() => Signals.Get(Key + "never");

    public Task End()
    {
        DeactivateOnIdle();
        return Task.CompletedTask;
    }
}
