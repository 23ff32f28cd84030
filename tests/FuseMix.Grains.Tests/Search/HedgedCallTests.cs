using FuseMix.Grains.Search;
using FuseMix.Testing;
using FuseMix.Testing.Clusters;
using Orleans.Runtime;

namespace FuseMix.Grains.Tests.Search;

public sealed class HedgedCallTests
{
    private static readonly TimeSpan HedgeAfter = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(10);

    private readonly ManualTimeProvider _clock = new();
    private readonly List<(int Replica, CancellationToken Over, TaskCompletionSource<string> Answer)> _asked = [];
    private int _hedged;

    [Fact]
    public async Task A_quick_replica_is_the_only_one_asked()
    {
        var call = Ask(replicas: 3, first: 1);
        _asked[0].Answer.SetResult("here");
        Assert.Equal(("here", null), await call);
        Assert.Equal([1], _asked.Select(asked => asked.Replica));
        Assert.Equal(0, _hedged);
        Assert.Equal(0, _clock.WaitingTimers);
    }

    [Fact]
    public async Task A_slow_replica_is_helped_by_the_next_and_the_first_answer_counts()
    {
        var call = Ask(replicas: 2, first: 1);
        await Pass(HedgeAfter, untilAsked: 2);
        Assert.Equal(1, _hedged);
        Assert.False(_asked[0].Over.IsCancellationRequested);
        _asked[1].Answer.SetResult("the other");
        Assert.Equal(("the other", null), await call);
        Assert.Equal([1, 0], _asked.Select(asked => asked.Replica));
        Assert.True(_asked[0].Over.IsCancellationRequested);
        _asked[0].Answer.SetException(new InvalidOperationException("too late to matter"));
    }

    [Fact]
    public async Task A_slow_replica_that_answers_after_all_is_heard_though_another_was_asked()
    {
        var call = Ask(replicas: 2);
        await Pass(HedgeAfter, untilAsked: 2);
        _asked[0].Answer.SetResult("slow");
        Assert.Equal(("slow", null), await call);
    }

    [Fact]
    public async Task A_replica_that_fails_is_replaced_at_once()
    {
        var call = Ask(replicas: 2);
        _asked[0].Answer.SetException(new SiloUnavailableException("gone"));
        await Patience.Until(() => Task.FromResult(_asked.Count), count => count == 2);
        _asked[1].Answer.SetResult("the other");
        Assert.Equal(("the other", null), await call);
    }

    [Fact]
    public async Task Where_every_node_fails_each_is_asked_three_times_with_pauses()
    {
        var call = Ask(replicas: 2);
        for (var i = 0; i < 6; i++)
        {
            await Pass(i is 2 or 3 or 4 or 5 ? HedgeAfter : TimeSpan.Zero, untilAsked: i + 1);
            _asked[i].Answer.SetException(new SiloUnavailableException("gone"));
        }

        Assert.Equal((null, "its node does not answer"), await call);
        Assert.Equal([0, 1, 0, 1, 0, 1], _asked.Select(asked => asked.Replica));
        Assert.Equal(0, _hedged);
    }

    [Fact]
    public async Task A_replica_whose_node_has_failed_is_asked_again_while_the_other_one_hangs()
    {
        var call = Ask(replicas: 2);
        _asked[0].Answer.SetException(new SiloUnavailableException("gone"));
        await Patience.Until(() => Task.FromResult(_asked.Count), count => count == 2);
        await Pass(HedgeAfter, untilAsked: 3);
        _asked[2].Answer.SetResult("on another node now");
        Assert.Equal(("on another node now", null), await call);
        Assert.Equal([0, 1, 0], _asked.Select(asked => asked.Replica));
        Assert.Equal(0, _hedged);
    }

    [Fact]
    public async Task Nobody_is_asked_for_an_asker_that_has_gone()
    {
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => Ask(replicas: 2, cancellationToken: new CancellationToken(canceled: true)));
        Assert.Empty(_asked);
    }

    [Fact]
    public async Task A_failure_that_is_not_the_nodes_is_told_once_every_replica_has_it()
    {
        var call = Ask(replicas: 2);
        _asked[0].Answer.SetException(new FuseMixException(FailureKind.Corrupt, "Damaged."));
        await Patience.Until(() => Task.FromResult(_asked.Count), count => count == 2);
        _asked[1].Answer.SetException(new FuseMixException(FailureKind.Corrupt, "Damaged too."));
        Assert.Equal((null, "Damaged too."), await call);
    }

    [Fact]
    public async Task A_wrong_question_is_the_askers_failure_and_nobody_else_is_asked()
    {
        var call = Ask(replicas: 2);
        _asked[0].Answer.SetException(new FuseMixException(FailureKind.Invalid, "What?"));
        Assert.Equal("What?", (await Assert.ThrowsAsync<FuseMixException>(() => call)).Message);
        Assert.Single(_asked);
    }

    [Fact]
    public async Task Past_the_deadline_nobody_is_waited_for()
    {
        var call = Ask(replicas: 2);
        await Pass(Deadline, untilAsked: 2);
        Assert.Equal((null, "no answer within the deadline"), await call);
        Assert.Equal(0, _clock.WaitingTimers);
    }

    [Fact]
    public async Task An_asker_that_goes_ends_the_call()
    {
        using var gone = new CancellationTokenSource();
        var call = Ask(replicas: 2, cancellationToken: gone.Token);
        await gone.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
    }

    private Task<(string? Answer, string? Silence)> Ask(int replicas, int first = 0, CancellationToken cancellationToken = default) =>
        new HedgedCall(HedgeAfter, _clock, () => _hedged++).Ask(
            replicas,
            first,
            (replica, over) =>
            {
                var answer = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
                _asked.Add((replica, over, answer));
                return answer.Task;
            },
            Deadline,
            cancellationToken);

    /// <summary>
    /// Lets time pass in small steps, since the call makes its next timer only when it has seen the last; and beyond what was asked for
    /// only while it waits for one beside its deadline, which would pass otherwise before it is seen.
    /// </summary>
    private async Task Pass(TimeSpan time, int untilAsked)
    {
        var passed = TimeSpan.Zero;
        await Patience.Until(
            () =>
            {
                if (passed < time || (time > TimeSpan.Zero && _asked.Count < untilAsked && _clock.WaitingTimers > 1))
                {
                    _clock.Advance(HedgeAfter);
                    passed += HedgeAfter;
                }

                return Task.FromResult(_asked.Count);
            },
            count => count >= untilAsked && passed >= time);
    }
}
