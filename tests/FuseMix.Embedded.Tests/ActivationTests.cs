using FuseMix.Embedded.Tests.Clusters;
using Microsoft.Extensions.DependencyInjection;
using Orleans;
using Orleans.Configuration;
using Orleans.Hosting;
using Orleans.Runtime;

namespace FuseMix.Embedded.Tests;

public sealed class ActivationTests(SharedCluster cluster)
{
    private readonly string _key = Guid.NewGuid().ToString();

    [Fact]
    public async Task A_key_has_one_activation_however_many_nodes_call_it_at_once()
    {
        var factories = SharedCluster.Nodes.Select(n => cluster.ServicesOf(n).GetRequiredService<IGrainFactory>()).ToArray();
        var calls = Enumerable.Range(0, 300).Select(n => factories[n % 3].GetGrain<ILifeGrain>(_key).Activation());
        Assert.Single((await Task.WhenAll(calls)).Distinct());
    }

    [Fact]
    public async Task Different_keys_have_different_activations()
    {
        var one = await cluster.Client.GetGrain<ILifeGrain>(_key + "1").Activation();
        Assert.NotEqual(one, await cluster.Client.GetGrain<ILifeGrain>(_key + "2").Activation());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(31)]
    [InlineData(-7)]
    [InlineData(long.MaxValue)]
    public async Task A_number_is_a_key(long key)
    {
        var grain = cluster.Client.GetGrain<INumberedGrain>(key);
        Assert.Equal(key, await grain.Key());
        Assert.Equal(key, grain.GetPrimaryKeyLong());
    }

    [Theory]
    [InlineData("plain")]
    [InlineData("a/b/c")]
    [InlineData("ünï +cödé")]
    public async Task A_text_is_a_key(string key)
    {
        var grain = cluster.Client.GetGrain<ILifeGrain>(key);
        Assert.Equal(key, await grain.Key());
        Assert.Equal(key, grain.GetPrimaryKeyString());
        Assert.Equal("life/" + key, grain.GetGrainId().ToString());
    }

    [Theory]
    [InlineData("")]
    [InlineData(" ")]
    public void An_empty_key_is_refused(string key) =>
        Assert.ThrowsAny<ArgumentException>(() => cluster.Client.GetGrain<ILifeGrain>(key));

    [Fact]
    public void An_interface_that_no_class_implements_is_refused() =>
        Assert.Contains(nameof(IOrphanGrain), Assert.Throws<ArgumentException>(() => cluster.Client.GetGrain<IOrphanGrain>("x")).Message);

    [Fact]
    public void References_to_the_same_grain_are_equal() =>
        Assert.Equal(cluster.Client.GetGrain<ILifeGrain>(_key), cluster.Client.GetGrain<ILifeGrain>(_key));

    [Fact]
    public async Task A_grain_gives_others_a_reference_to_itself()
    {
        var grain = cluster.Client.GetGrain<ILifeGrain>(_key);
        var self = await grain.Self();
        Assert.Equal(grain, self);
        Assert.Equal(await grain.Activation(), await self.Activation());
    }

    [Fact]
    public async Task A_reference_can_be_an_argument()
    {
        var other = cluster.Client.GetGrain<ILifeGrain>(_key + "other");
        Assert.Equal(await other.Activation(), await cluster.Client.GetGrain<ILifeGrain>(_key).ActivationOf(other));
    }

    [Fact]
    public async Task A_grain_that_passes_itself_passes_a_reference() =>
        Assert.Equal((_key, false), await cluster.Client.GetGrain<ILifeGrain>(_key).Introduce(cluster.Client.GetGrain<ILifeGrain>(_key + "other")));

    [Fact]
    public async Task A_deactivated_grain_is_activated_anew_by_the_next_call()
    {
        var grain = cluster.Client.GetGrain<ILifeGrain>(_key);
        var first = await grain.Activation();
        await grain.End();
        Assert.NotEqual(first, await grain.Activation());
        Assert.Equal(nameof(DeactivationReasonCode.ApplicationRequested), await Signals.Get(_key + "deactivated"));
    }

    [Fact]
    public async Task Calls_that_wait_when_a_grain_ends_go_to_the_next_activation()
    {
        var grain = cluster.Client.GetGrain<ILifeGrain>(_key);
        var first = await grain.Activation();
        var end = grain.EndSlowly();
        await Signals.Get(_key + "ending");
        var waiting = Enumerable.Range(0, 20).Select(_ => grain.Activation()).ToArray();
        Signals.Set(_key + "end");
        await end;
        var next = Assert.Single((await Task.WhenAll(waiting)).Distinct());
        Assert.NotEqual(first, next);
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task An_idle_grain_is_deactivated_and_one_that_delays_it_is_not()
    {
        await using var own = await ContractCluster.StartAsync(["a@idle"], silo => silo.Configure<GrainCollectionOptions>(options =>
        {
            options.CollectionQuantum = TimeSpan.FromSeconds(1);
            options.CollectionAge = TimeSpan.FromSeconds(2);
        }));
        var kept = own.Client.GetGrain<ILifeGrain>(_key + "kept");
        await kept.Delay(TimeSpan.FromHours(1));
        var first = await kept.Activation();
        await own.Client.GetGrain<ILifeGrain>(_key).Activation();
        Assert.Equal(nameof(DeactivationReasonCode.ActivationIdle), await Signals.Get(_key + "deactivated"));
        Assert.Equal(first, await kept.Activation());
    }

    [Fact]
    public async Task A_failure_to_activate_reaches_the_caller()
    {
        var failure = await Assert.ThrowsAsync<FuseMixException>(() => cluster.Client.GetGrain<IFailingGrain>(_key).Hello());
        Assert.Equal(("Cannot start.", FailureKind.Unavailable, "Start it later."), (failure.Message, failure.Kind, failure.Remedy));
    }

    [Fact]
    public async Task A_failure_to_construct_reaches_the_caller() =>
        Assert.Contains("IOrphanService", (await Assert.ThrowsAnyAsync<Exception>(
            () => cluster.Client.GetGrain<IUnconstructibleGrain>(_key).Hello())).ToString());

    [Fact]
    public async Task A_grain_gets_the_services_of_its_node()
    {
        var (fromConstructor, fromProperty) = await cluster.Client.GetGrain<ILifeGrain>(_key).Nodes();
        Assert.Equal(fromConstructor, fromProperty);
        Assert.Contains(fromConstructor, SharedCluster.Nodes);
    }
}

public interface ILifeGrain : IGrainWithStringKey
{
    Task<Guid> Activation();

    Task<string> Key();

    Task<ILifeGrain> Self();

    Task<Guid> ActivationOf(ILifeGrain other);

    Task<(string Key, bool IsTheGrain)> Introduce(ILifeGrain other);

    Task<(string Key, bool IsTheGrain)> Meet(ILifeGrain other);

    Task End();

    Task EndSlowly();

    Task Delay(TimeSpan time);

    Task<(string FromConstructor, string FromProperty)> Nodes();
}

public sealed class LifeGrain(ILocalSiloDetails node) : Grain, ILifeGrain
{
    private readonly Guid _activation = Guid.NewGuid();

    public Task<Guid> Activation() => Task.FromResult(_activation);

    public Task<string> Key() => Task.FromResult(this.GetPrimaryKeyString());

    public Task<ILifeGrain> Self() => Task.FromResult(this.AsReference<ILifeGrain>());

    public Task<Guid> ActivationOf(ILifeGrain other) => other.Activation();

    public Task<(string Key, bool IsTheGrain)> Introduce(ILifeGrain other) => other.Meet(this);

    public Task<(string Key, bool IsTheGrain)> Meet(ILifeGrain other) => Task.FromResult((other.GetPrimaryKeyString(), other is LifeGrain));

    public Task End()
    {
        DeactivateOnIdle();
        return Task.CompletedTask;
    }

    public async Task EndSlowly()
    {
        DeactivateOnIdle();
        Signals.Set(this.GetPrimaryKeyString() + "ending");
        await Signals.Get(this.GetPrimaryKeyString() + "end");
    }

    public Task Delay(TimeSpan time)
    {
        DelayDeactivation(time);
        return Task.CompletedTask;
    }

    public Task<(string FromConstructor, string FromProperty)> Nodes() =>
        Task.FromResult((node.Name, ServiceProvider.GetRequiredService<ILocalSiloDetails>().Name));

    public override Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        Signals.Set(this.GetPrimaryKeyString() + "deactivated", reason.ReasonCode.ToString());
        return Task.CompletedTask;
    }
}

public interface INumberedGrain : IGrainWithIntegerKey
{
    Task<long> Key();
}

public sealed class NumberedGrain : Grain, INumberedGrain
{
    public Task<long> Key() => Task.FromResult(this.GetPrimaryKeyLong());
}

public interface IOrphanGrain : IGrainWithStringKey
{
    Task Hello();
}

public interface IFailingGrain : IGrainWithStringKey
{
    Task Hello();
}

public sealed class FailingGrain : Grain, IFailingGrain
{
    public override Task OnActivateAsync(CancellationToken cancellationToken) =>
        throw new FuseMixException(FailureKind.Unavailable, "Cannot start.", "Start it later.");

    public Task Hello() => Task.CompletedTask;
}

public interface IOrphanService;

public interface IUnconstructibleGrain : IGrainWithStringKey
{
    Task Hello();
}

public sealed class UnconstructibleGrain(IOrphanService service) : Grain, IUnconstructibleGrain
{
    public Task Hello() => Task.FromResult(service);
}
