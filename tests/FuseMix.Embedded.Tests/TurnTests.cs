using FuseMix.Embedded.Tests.Clusters;
using Orleans;
using Orleans.Concurrency;

namespace FuseMix.Embedded.Tests;

public sealed class TurnTests(SharedCluster cluster)
{
    private readonly string _key = Guid.NewGuid().ToString();

    [Fact]
    public async Task A_call_waits_until_the_one_before_it_is_done()
    {
        var grain = cluster.Client.GetGrain<ITurnGrain>(_key);
        var first = grain.Hold("first");
        await Signals.Get(_key + "first");
        var second = grain.Append("second");
        Assert.Equal(["begin first"], await grain.Log());
        Signals.Set(_key + "first-release");
        await Task.WhenAll(first, second);
        Assert.Equal(["begin first", "end first", "second"], await grain.Log());
    }

    [Fact]
    public async Task An_always_interleaved_call_runs_while_another_waits_inside()
    {
        var grain = cluster.Client.GetGrain<ITurnGrain>(_key);
        var held = grain.Hold("held");
        await Signals.Get(_key + "held");
        Assert.Equal(["begin held"], await grain.Log());
        Signals.Set(_key + "held-release");
        await held;
    }

    [Fact]
    public async Task Interleaved_calls_still_run_one_turn_at_a_time()
    {
        var grain = cluster.Client.GetGrain<ITurnGrain>(_key);
        await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => grain.Step(20)));
        Assert.Equal((1000, 1), await grain.Steps());
    }

    [Fact]
    public async Task What_follows_an_await_is_a_turn_of_the_same_grain()
    {
        var grain = cluster.Client.GetGrain<ITurnGrain>(_key);
        Assert.Equal((true, true, false), await grain.WhereAwaitsLeadTo());
    }

    [Fact]
    public async Task Read_only_calls_interleave_with_each_other_and_not_with_others()
    {
        var grain = cluster.Client.GetGrain<ITurnGrain>(_key);
        var read = grain.ReadHold("read");
        await Signals.Get(_key + "read");
        var append = grain.Append("write");
        await grain.ReadHold(null);
        Assert.False(append.IsCompleted);
        Signals.Set(_key + "read-release");
        await Task.WhenAll(read, append);
    }

    [Fact]
    public async Task Calls_of_a_reentrant_class_interleave()
    {
        var grain = cluster.Client.GetGrain<IReentrantGrain>(_key);
        var held = grain.Hold();
        await Signals.Get(_key + "reentrant");
        await grain.Release();
        await held;
    }

    [Fact]
    public async Task Value_tasks_carry_results_too()
    {
        var grain = cluster.Client.GetGrain<ITurnGrain>(_key);
        await grain.Nothing();
        Assert.Equal(42, await grain.Sum(40, 2));
    }

    [Fact]
    public async Task Nothing_of_the_callers_flow_of_execution_reaches_the_grain()
    {
        TurnGrain.Ambient.Value = "caller";
        Assert.Null(await cluster.Client.GetGrain<ITurnGrain>(_key).AmbientValue());
    }

    [Fact]
    public async Task A_one_way_call_is_done_for_its_caller_at_once()
    {
        var grain = cluster.Client.GetGrain<ITurnGrain>(_key);
        await grain.HoldOneWay("one-way");
        await Signals.Get(_key + "one-way");
        Signals.Set(_key + "one-way-release");
    }
}

public interface ITurnGrain : IGrainWithStringKey
{
    Task Hold(string name);

    Task Append(string word);

    [AlwaysInterleave]
    Task<string[]> Log();

    [AlwaysInterleave]
    Task Step(int times);

    Task<(int Steps, int MostAtOnce)> Steps();

    Task<(bool AfterYield, bool AfterTaskRun, bool AfterConfigureAwaitFalse)> WhereAwaitsLeadTo();

    [ReadOnly]
    Task ReadHold(string? name);

    ValueTask Nothing();

    ValueTask<int> Sum(int a, int b);

    Task<string?> AmbientValue();

    [OneWay]
    Task HoldOneWay(string name);
}

public sealed class TurnGrain : Grain, ITurnGrain
{
    public static readonly AsyncLocal<string?> Ambient = new();

    private readonly List<string> _log = [];
    private int _steps;
    private int _now;
    private int _mostAtOnce;

    private string Key => this.GetPrimaryKeyString();

    public async Task Hold(string name)
    {
        _log.Add("begin " + name);
        Signals.Set(Key + name);
        await Signals.Get(Key + name + "-release");
        _log.Add("end " + name);
    }

    public Task Append(string word)
    {
        _log.Add(word);
        return Task.CompletedTask;
    }

    public Task<string[]> Log() => Task.FromResult(_log.ToArray());

    public async Task Step(int times)
    {
        for (var i = 0; i < times; i++)
        {
            _mostAtOnce = Math.Max(_mostAtOnce, Interlocked.Increment(ref _now));
            _steps++;
            Interlocked.Decrement(ref _now);
            await Task.Yield();
        }
    }

    public Task<(int Steps, int MostAtOnce)> Steps() => Task.FromResult((_steps, _mostAtOnce));

    public async Task<(bool AfterYield, bool AfterTaskRun, bool AfterConfigureAwaitFalse)> WhereAwaitsLeadTo()
    {
        var here = TaskScheduler.Current;
        await Task.Yield();
        var afterYield = TaskScheduler.Current == here && here != TaskScheduler.Default;
        await Task.Run(() => { });
        var afterRun = TaskScheduler.Current == here;
        return (afterYield, afterRun, await Task.Run(() => TaskScheduler.Current == here));
    }

    public async Task ReadHold(string? name)
    {
        if (name is null) return;
        Signals.Set(Key + name);
        await Signals.Get(Key + name + "-release");
    }

    public ValueTask Nothing() => ValueTask.CompletedTask;

    public async ValueTask<int> Sum(int a, int b)
    {
        await Task.Yield();
        return a + b;
    }

    public Task<string?> AmbientValue() => Task.FromResult(Ambient.Value);

    public async Task HoldOneWay(string name)
    {
        Signals.Set(Key + name);
        await Signals.Get(Key + name + "-release");
    }
}

public interface IReentrantGrain : IGrainWithStringKey
{
    Task Hold();

    Task Release();
}

[Reentrant]
public sealed class ReentrantGrain : Grain, IReentrantGrain
{
    private readonly TaskCompletionSource _release = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Task Hold()
    {
        Signals.Set(this.GetPrimaryKeyString() + "reentrant");
        return _release.Task;
    }

    public Task Release()
    {
        _release.SetResult();
        return Task.CompletedTask;
    }
}
