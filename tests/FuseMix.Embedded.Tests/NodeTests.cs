using FuseMix.Embedded.Tests.Clusters;
using FuseMix.Embedded.Tests.Grains;
using Microsoft.Extensions.DependencyInjection;
using Orleans;
using Orleans.Runtime;

namespace FuseMix.Embedded.Tests;

[Trait("Category", "Slow")]
public sealed class NodeTests
{
    private readonly string _key = Guid.NewGuid().ToString();

    [Fact]
    public async Task A_killed_nodes_callers_are_told_and_its_grains_come_back_elsewhere_with_what_they_stored()
    {
        await using var cluster = await ContractCluster.StartAsync(["front@a", "back@b", "back@c"]);
        var grains = cluster.ServicesOf("front@a").GetRequiredService<IGrainFactory>();
        var grain = grains.GetGrain<IBackGrain>(_key);
        await grain.Store("kept");
        var home = await grain.Node();
        var held = grain.Hold();
        await Signals.Get(_key + "held");
        await cluster.KillNodeAsync(home);
        await Assert.ThrowsAsync<SiloUnavailableException>(() => held);
        Assert.Equal("kept", await Eventually(grain.Stored));
        Assert.NotEqual(home, await grain.Node());
        Assert.False(Signals.IsSet(_key + "deactivated"));
        var oracle = cluster.ServicesOf("front@a").GetRequiredService<ISiloStatusOracle>();
        Assert.Equal(2, oracle.GetApproximateSiloStatuses(onlyActive: true).Count);
    }

    [Fact]
    public async Task A_node_that_stops_in_order_deactivates_its_grains_and_they_move()
    {
        await using var cluster = await ContractCluster.StartAsync(["front@a", "back@b", "back@c"]);
        var grain = cluster.ServicesOf("front@a").GetRequiredService<IGrainFactory>().GetGrain<IBackGrain>(_key);
        var home = await grain.Node();
        await cluster.StopNodeAsync(home);
        Assert.Equal(nameof(DeactivationReasonCode.ShuttingDown), await Signals.Get(_key + "deactivated"));
        Assert.NotEqual(home, await Eventually(grain.Node));
    }

    [Fact]
    public async Task A_node_that_joins_gets_grains()
    {
        await using var cluster = await ContractCluster.StartAsync(["front@a"]);
        var grains = cluster.ServicesOf("front@a").GetRequiredService<IGrainFactory>();
        await Assert.ThrowsAsync<FuseMixException>(() => grains.GetGrain<IBackGrain>(_key).Node());
        await cluster.AddNodeAsync("back@late");
        Assert.Equal("back@late", await Eventually(grains.GetGrain<IBackGrain>(_key).Node));
    }

    [Fact]
    public async Task Nodes_know_each_other_by_name_and_state()
    {
        await using var cluster = await ContractCluster.StartAsync(["front@a", "back@b"]);
        var oracle = cluster.ServicesOf("front@a").GetRequiredService<ISiloStatusOracle>();
        var names = oracle.GetApproximateSiloStatuses(onlyActive: true).Keys.Select(s => oracle.TryGetSiloName(s, out var name) ? name : "?");
        Assert.Equal(["back@b", "front@a"], names.Order());
        Assert.Equal(("front@a", SiloStatus.Active), (oracle.SiloName, oracle.CurrentStatus));
        Assert.Equal(oracle.SiloAddress, cluster.ServicesOf("front@a").GetRequiredService<ILocalSiloDetails>().SiloAddress);
    }

    /// <summary>Asks until the answer is no longer that a node is gone: how soon the others notice is up to the runtime.</summary>
    private static async Task<T> Eventually<T>(Func<Task<T>> ask)
    {
        for (var tries = 0; ; tries++)
        {
            try
            {
                return await ask();
            }
            catch (Exception failure) when (tries < 20 && failure is SiloUnavailableException or OrleansMessageRejectionException or FuseMixException)
            {
                await Task.Yield();
            }
        }
    }
}

public interface IBackGrain : INodeGrain
{
    Task Store(string text);

    Task<string?> Stored();

    Task Hold();
}

[RolePlacement("back")]
public sealed class BackGrain(
    ILocalSiloDetails node, [PersistentState("back", SharedStorage.Name)] IPersistentState<NamedState> state) : NodeGrain(node), IBackGrain
{
    public Task Store(string text)
    {
        state.State.Text = text;
        return state.WriteStateAsync();
    }

    public Task<string?> Stored() => Task.FromResult(state.State.Text);

    public async Task Hold()
    {
        Signals.Set(this.GetPrimaryKeyString() + "held");
        await Task.Delay(Timeout.Infinite);
    }

    public override Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        Signals.Set(this.GetPrimaryKeyString() + "deactivated", reason.ReasonCode.ToString());
        return Task.CompletedTask;
    }
}
