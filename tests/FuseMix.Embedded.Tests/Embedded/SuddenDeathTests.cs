using System.Collections.Concurrent;
using FuseMix.Embedded.Tests.Clusters;
using FuseMix.Embedded.Tests.Grains;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Orleans;
using Orleans.Configuration;
using Orleans.Hosting;
using Orleans.Runtime;

namespace FuseMix.Embedded.Tests.Embedded;

public sealed class SuddenDeathTests
{
    private readonly string _key = Guid.NewGuid().ToString();

    [Fact]
    public async Task No_code_of_a_killed_nodes_grains_runs_on()
    {
        await using var cluster = await ContractCluster.StartAsync(["front@a", "back@b"]);
        var grain = cluster.ServicesOf("front@a").GetRequiredService<IGrainFactory>().GetGrain<IMortalGrain>(_key);
        var call = grain.WorkInSteps();
        await Signals.Get(_key + "step-1");
        await cluster.KillNodeAsync("back@b");
        await Assert.ThrowsAsync<SiloUnavailableException>(() => call);
        Signals.Set(_key + "go-on");
        await cluster.AddNodeAsync("back@c");
        Assert.Equal("back@c", await grain.Node());
        Assert.False(Signals.IsSet(_key + "step-2"));
    }

    [Fact]
    public async Task A_grain_that_is_told_to_go_while_it_starts_is_deactivated_like_any_other()
    {
        await using var cluster = await ContractCluster.StartAsync(["all@one"]);
        await cluster.Client.GetGrain<IHastyGrain>(_key).Touch();
        Assert.True(Signals.IsSet(_key + "went"));
    }

    [Fact]
    public async Task Two_active_nodes_cannot_have_one_name_and_a_dead_ones_name_is_free()
    {
        await using var cluster = new EmbeddedCluster();
        await cluster.AddNodeAsync("all@one");
        await Assert.ThrowsAsync<OrleansConfigurationException>(() => cluster.AddNodeAsync("all@one"));
        await cluster.KillNodeAsync("all@one");
        await cluster.AddNodeAsync("all@one");
        Assert.Equal(["all@one"], cluster.ActiveNodes);
    }

    [Fact]
    public async Task A_cluster_without_nodes_says_so()
    {
        await using var cluster = new EmbeddedCluster();
        await cluster.AddNodeAsync("all@one");
        var client = cluster.Client;
        await cluster.StopNodeAsync("all@one");
        await Assert.ThrowsAsync<SiloUnavailableException>(() => client.GetGrain<ILifeGrain>(_key).Activation());
    }

    [Fact]
    public async Task A_host_made_elsewhere_joins_as_a_node()
    {
        await using var cluster = new EmbeddedCluster();
        await cluster.AddNodeAsync("index@one");
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.UseOrleans(silo => silo.UseEmbeddedCluster(cluster).Configure<SiloOptions>(options => options.SiloName = "gateway@web"));
        using var host = builder.Build();
        await host.StartAsync(TestContext.Current.CancellationToken);
        Assert.Equal(["index@one", "gateway@web"], cluster.ActiveNodes);
        Assert.Equal("gateway@web", await host.Services.GetRequiredService<IGrainFactory>().GetGrain<INearGrain>(_key).Node());
        await host.StopAsync(TestContext.Current.CancellationToken);
        Assert.Equal(["index@one"], cluster.ActiveNodes);
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task No_key_ever_has_two_activations_while_grains_end_and_nodes_come_and_go()
    {
        await using var cluster = await ContractCluster.StartAsync(["a@1", "b@2", "c@3"]);
        var callers = Enumerable.Range(0, 8).Select(caller => Task.Run(async () =>
        {
            var random = new System.Random(caller);
            for (var n = 0; n < 400; n++)
            {
                var grain = cluster.Client.GetGrain<ISingleGrain>($"{_key}{random.Next(5)}");
                try
                {
                    await grain.Touch(end: random.Next(4) == 0);
                }
                catch (OrleansMessageRejectionException)
                {
                    // What a caller must expect of a node that stops, and of a grain that ends again and again before its turn comes.
                }
            }
        })).ToArray();
        for (var n = 4; n < 8; n++)
        {
            await cluster.AddNodeAsync($"d@{n}");
            await cluster.StopNodeAsync(n == 4 ? "a@1" : $"d@{n - 1}");
        }

        await Task.WhenAll(callers);
        Assert.Equal(1, SingleGrain.MostAtOnce);
    }
}

public interface IMortalGrain : INodeGrain
{
    Task WorkInSteps();
}

[RolePlacement("back")]
public sealed class MortalGrain(ILocalSiloDetails node) : NodeGrain(node), IMortalGrain
{
    public async Task WorkInSteps()
    {
        Signals.Set(this.GetPrimaryKeyString() + "step-1");
        await Signals.Get(this.GetPrimaryKeyString() + "go-on");
        Signals.Set(this.GetPrimaryKeyString() + "step-2");
    }
}

public interface IHastyGrain : IGrainWithStringKey
{
    Task Touch();
}

/// <summary>Its first activation asks to end while it starts; the call goes to the second.</summary>
public sealed class HastyGrain : Grain, IHastyGrain
{
    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        if (!Signals.IsSet(this.GetPrimaryKeyString() + "came")) DeactivateOnIdle();
        Signals.Set(this.GetPrimaryKeyString() + "came");
        return Task.CompletedTask;
    }

    public override Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        Signals.Set(this.GetPrimaryKeyString() + "went");
        return Task.CompletedTask;
    }

    public Task Touch() => Task.CompletedTask;
}

public interface ISingleGrain : IGrainWithStringKey
{
    Task Touch(bool end);
}

public sealed class SingleGrain : Grain, ISingleGrain
{
    private static readonly ConcurrentDictionary<string, int> Living = new();

    public static int MostAtOnce { get; private set; }

    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        MostAtOnce = Math.Max(MostAtOnce, Living.AddOrUpdate(this.GetPrimaryKeyString(), 1, (_, n) => n + 1));
        return Task.CompletedTask;
    }

    public override Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        Living.AddOrUpdate(this.GetPrimaryKeyString(), 0, (_, n) => n - 1);
        return Task.CompletedTask;
    }

    public async Task Touch(bool end)
    {
        await Task.Yield();
        if (end) DeactivateOnIdle();
    }
}
