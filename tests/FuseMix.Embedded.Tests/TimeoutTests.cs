using FuseMix.Embedded.Tests.Clusters;
using Orleans;

namespace FuseMix.Embedded.Tests;

public sealed class TimeoutTests(SharedCluster cluster)
{
    private readonly string _key = Guid.NewGuid().ToString();

    private ISlowGrain Grain => cluster.Client.GetGrain<ISlowGrain>(_key);

    [Fact]
    public async Task The_work_of_a_call_that_timed_out_goes_on()
    {
        await Assert.ThrowsAsync<TimeoutException>(Grain.Work);
        Signals.Set(_key + "release");
        Assert.Equal("done", await Signals.Get(_key + "worked"));
        Assert.Equal(1, await Grain.Worked());
    }

    [Fact]
    public async Task A_call_that_times_out_while_it_waits_its_turn_never_begins()
    {
        var running = Grain.Work();
        await Signals.Get(_key + "working");
        await Assert.ThrowsAsync<TimeoutException>(Grain.Quick);
        await Assert.ThrowsAsync<TimeoutException>(() => running);
        Signals.Set(_key + "release");
        Assert.Equal(1, await Grain.Worked());
        Assert.False(Signals.IsSet(_key + "quick"));
    }
}

public interface ISlowGrain : IGrainWithStringKey
{
    [ResponseTimeout("00:00:00.700")]
    Task Work();

    [ResponseTimeout("00:00:00.300")]
    Task Quick();

    Task<int> Worked();
}

public sealed class SlowGrain : Grain, ISlowGrain
{
    private int _worked;

    private string Key => this.GetPrimaryKeyString();

    public async Task Work()
    {
        Signals.Set(Key + "working");
        await Signals.Get(Key + "release");
        _worked++;
        Signals.Set(Key + "worked", "done");
    }

    public Task Quick()
    {
        Signals.Set(Key + "quick");
        return Task.CompletedTask;
    }

    public Task<int> Worked() => Task.FromResult(_worked);
}
