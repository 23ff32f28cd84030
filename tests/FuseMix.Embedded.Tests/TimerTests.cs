using FuseMix.Embedded.Tests.Clusters;
using Orleans;
using Orleans.Concurrency;
using Orleans.Runtime;

namespace FuseMix.Embedded.Tests;

public sealed class TimerTests(SharedCluster cluster)
{
    private readonly string _key = Guid.NewGuid().ToString();

    [Fact]
    public async Task A_timer_ticks_again_and_again_in_turns_of_its_grain()
    {
        await cluster.Client.GetGrain<ITimerGrain>(_key).Start(interleave: false);
        await Signals.Get(_key + "tick-3");
        Assert.Equal("turn", await Signals.Get(_key + "tick-1"));
    }

    [Fact]
    public async Task A_tick_waits_for_the_call_that_is_running()
    {
        var grain = cluster.Client.GetGrain<ITimerGrain>(_key);
        var held = grain.StartAndHold(interleave: false);
        var interleaving = cluster.Client.GetGrain<ITimerGrain>(_key + "b");
        var other = interleaving.StartAndHold(interleave: true);
        await Signals.Get(_key + "btick-2");
        Assert.False(Signals.IsSet(_key + "tick-1"));
        Signals.Set(_key + "brelease");
        Signals.Set(_key + "release");
        await Task.WhenAll(held, other);
        await Signals.Get(_key + "tick-1");
    }

    [Fact]
    public async Task A_disposed_timer_ticks_no_more()
    {
        var grain = cluster.Client.GetGrain<ITimerGrain>(_key);
        await grain.Start(interleave: false);
        await Signals.Get(_key + "tick-2");
        var ticks = await grain.Stop();
        // A timer of another grain tells that enough time for ticks has passed.
        await cluster.Client.GetGrain<ITimerGrain>(_key + "other").Start(interleave: false);
        await Signals.Get(_key + "othertick-5");
        Assert.Equal(ticks, await grain.Ticks());
    }

    [Fact]
    public async Task A_timer_goes_on_after_a_tick_failed()
    {
        await cluster.Client.GetGrain<ITimerGrain>(_key).StartFailing();
        await Signals.Get(_key + "tick-3");
    }

    [Fact]
    public async Task A_single_timer_ticks_once_and_can_be_set_again()
    {
        var grain = cluster.Client.GetGrain<ITimerGrain>(_key);
        await grain.StartOnce();
        await Signals.Get(_key + "tick-1");
        await cluster.Client.GetGrain<ITimerGrain>(_key + "other").Start(interleave: false);
        await Signals.Get(_key + "othertick-5");
        Assert.Equal(1, await grain.Ticks());
        await grain.Again();
        await Signals.Get(_key + "tick-2");
    }

    [Fact]
    public async Task Timers_end_with_their_activation()
    {
        var grain = cluster.Client.GetGrain<ITimerGrain>(_key);
        await grain.Start(interleave: false);
        await Signals.Get(_key + "tick-1");
        await grain.End();
        Assert.Equal(0, await grain.Ticks());
        Assert.Equal("cancelled", await Signals.Get(_key + "token"));
    }

    [Fact]
    public async Task A_timer_cannot_be_registered_outside_of_a_turn() =>
        Assert.NotNull(await cluster.Client.GetGrain<ITimerGrain>(_key).StartOffTurn());
}

public interface ITimerGrain : IGrainWithStringKey
{
    Task Start(bool interleave);

    Task StartAndHold(bool interleave);

    Task StartFailing();

    Task StartOnce();

    Task Again();

    Task<int> Stop();

    [AlwaysInterleave]
    Task<int> Ticks();

    Task End();

    Task<string?> StartOffTurn();
}

public sealed class TimerGrain : Grain, ITimerGrain
{
    private static readonly TimeSpan Short = TimeSpan.FromMilliseconds(20);

    private IGrainTimer? _timer;
    private int _ticks;

    private string Key => this.GetPrimaryKeyString();

    public Task Start(bool interleave)
    {
        _timer = this.RegisterGrainTimer(
            (state, token) =>
            {
                if (_ticks == 0) token.Register(() => Signals.Set(Key + "token", "cancelled"));
                return Tick();
            },
            "state", new GrainTimerCreationOptions(Short, Short) { Interleave = interleave });
        return Task.CompletedTask;
    }

    public async Task StartAndHold(bool interleave)
    {
        await Start(interleave);
        await Signals.Get(Key + "release");
    }

    public Task StartFailing()
    {
        _timer = this.RegisterGrainTimer(
            async () =>
            {
                await Tick();
                throw new InvalidOperationException("A tick that fails.");
            },
            Short, Short);
        return Task.CompletedTask;
    }

    public Task StartOnce()
    {
        _timer = this.RegisterGrainTimer(Tick, Short, Timeout.InfiniteTimeSpan);
        return Task.CompletedTask;
    }

    public Task Again()
    {
        _timer!.Change(Short, Timeout.InfiniteTimeSpan);
        return Task.CompletedTask;
    }

    public Task<int> Stop()
    {
        _timer!.Dispose();
        return Task.FromResult(_ticks);
    }

    public Task<int> Ticks() => Task.FromResult(_ticks);

    public Task End()
    {
        DeactivateOnIdle();
        return Task.CompletedTask;
    }

    public async Task<string?> StartOffTurn()
    {
        try
        {
            await Task.Run(() => this.RegisterGrainTimer(Tick, Short, Short).Dispose());
            return null;
        }
        catch (Exception failure)
        {
            return failure.Message;
        }
    }

    private Task Tick()
    {
        Signals.Set(Key + "tick-" + ++_ticks, TaskScheduler.Current == TaskScheduler.Default ? "no turn" : "turn");
        return Task.CompletedTask;
    }
}
