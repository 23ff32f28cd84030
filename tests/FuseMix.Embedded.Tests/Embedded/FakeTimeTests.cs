using FuseMix.Embedded.Tests.Clusters;
using FuseMix.Testing;
using Microsoft.Extensions.DependencyInjection;
using Orleans;
using Orleans.Configuration;
using Orleans.Hosting;

namespace FuseMix.Embedded.Tests.Embedded;

/// <summary>Every wait of the embedded runtime follows the node's clock.</summary>
public sealed class FakeTimeTests : IAsyncLifetime
{
    private readonly string _key = Guid.NewGuid().ToString();
    private readonly ManualTimeProvider _time = new();
    private RuntimeCluster _cluster = null!;

    private IGrainFactory Grains => _cluster.ServicesOf("a@fake").GetRequiredService<IGrainFactory>();

    public async ValueTask InitializeAsync() => _cluster = await ContractCluster.StartAsync(["a@fake"], silo =>
    {
        silo.Services.AddSingleton<TimeProvider>(_time);
        silo.Configure<GrainCollectionOptions>(options => options.CollectionAge = TimeSpan.FromMinutes(15));
    });

    public ValueTask DisposeAsync() => _cluster.DisposeAsync();

    [Fact]
    public async Task A_call_times_out_when_its_time_is_over_and_not_before()
    {
        var call = Grains.GetGrain<ISlowGrain>(_key).Work();
        await Signals.Get(_key + "working");
        _time.Advance(TimeSpan.FromMilliseconds(699));
        Assert.False(call.IsCompleted);
        _time.Advance(TimeSpan.FromMilliseconds(1));
        await Assert.ThrowsAsync<TimeoutException>(() => call);
        Signals.Set(_key + "release");
    }

    [Fact]
    public async Task A_timer_ticks_when_it_is_due()
    {
        await Grains.GetGrain<ITimerGrain>(_key).StartOnce();
        Assert.False(Signals.IsSet(_key + "tick-1"));
        _time.Advance(TimeSpan.FromMilliseconds(20));
        await Signals.Get(_key + "tick-1");
    }

    [Fact]
    public async Task A_grain_is_deactivated_after_the_collection_age_since_its_last_call()
    {
        var grain = Grains.GetGrain<ILifeGrain>(_key);
        var first = await grain.Activation();
        _time.Advance(TimeSpan.FromMinutes(14));
        Assert.Equal(first, await grain.Activation());
        _time.Advance(TimeSpan.FromMinutes(14));
        Assert.Equal(first, await grain.Activation());
        _time.Advance(TimeSpan.FromMinutes(16));
        Assert.Equal(nameof(DeactivationReasonCode.ActivationIdle), await Signals.Get(_key + "deactivated"));
        Assert.NotEqual(first, await grain.Activation());
    }

    [Fact]
    public async Task A_grain_that_delays_its_deactivation_stays_that_long()
    {
        var grain = Grains.GetGrain<ILifeGrain>(_key);
        await grain.Delay(TimeSpan.FromHours(2));
        _time.Advance(TimeSpan.FromMinutes(119));
        Assert.False(Signals.IsSet(_key + "deactivated"));
        _time.Advance(TimeSpan.FromMinutes(2));
        await Signals.Get(_key + "deactivated");
    }

    [Fact]
    public async Task A_grain_marked_to_be_kept_is_never_idle()
    {
        var grain = Grains.GetGrain<IKeptGrain>(_key);
        var first = await grain.Activation();
        _time.Advance(TimeSpan.FromDays(30));
        Assert.Equal(first, await grain.Activation());
    }
}

public interface IKeptGrain : IGrainWithStringKey
{
    Task<Guid> Activation();
}

[KeepAlive]
public sealed class KeptGrain : Grain, IKeptGrain
{
    private readonly Guid _activation = Guid.NewGuid();

    public Task<Guid> Activation() => Task.FromResult(_activation);
}
