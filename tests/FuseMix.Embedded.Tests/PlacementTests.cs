using FuseMix.Embedded.Tests.Clusters;
using FuseMix.Embedded.Tests.Grains;
using Microsoft.Extensions.DependencyInjection;
using Orleans;
using Orleans.Placement;
using Orleans.Runtime;

namespace FuseMix.Embedded.Tests;

public sealed class PlacementTests(SharedCluster cluster)
{
    [Fact]
    public async Task A_director_places_by_the_role_in_the_nodes_name()
    {
        var nodes = new HashSet<string>();
        for (var n = 0; n < 40; n++) nodes.Add(await cluster.Client.GetGrain<IIndexRoleGrain>(Guid.NewGuid().ToString()).Node());
        Assert.Equal(["index@two", "train+index@one"], nodes.Order());
    }

    [Fact]
    public async Task Classes_have_their_own_parameters()
    {
        for (var n = 0; n < 10; n++)
            Assert.Equal("extract@three", await cluster.Client.GetGrain<IExtractRoleGrain>(Guid.NewGuid().ToString()).Node());
    }

    [Fact]
    public async Task A_directors_refusal_reaches_the_caller()
    {
        var failure = await Assert.ThrowsAsync<FuseMixException>(() => cluster.Client.GetGrain<IGpuRoleGrain>(Guid.NewGuid().ToString()).Node());
        Assert.Equal(("No node has the role 'gpu'.", "Start one."), (failure.Message, failure.Remedy));
    }

    [Fact]
    public async Task A_strategy_that_nobody_registered_is_named() =>
        Assert.Contains(nameof(UnregisteredPlacement), (await Assert.ThrowsAnyAsync<Exception>(
            () => cluster.Client.GetGrain<ILostGrain>(Guid.NewGuid().ToString()).Node())).Message);

    [Fact]
    public async Task Prefer_local_places_on_the_calling_node()
    {
        foreach (var node in SharedCluster.Nodes)
        {
            var grains = cluster.ServicesOf(node).GetRequiredService<IGrainFactory>();
            Assert.Equal(node, await grains.GetGrain<INearGrain>(Guid.NewGuid().ToString()).Node());
        }
    }

    [Fact]
    public async Task Without_a_placement_any_node_may_get_a_grain()
    {
        var nodes = new HashSet<string>();
        for (var n = 0; n < 300 && nodes.Count < 3; n++) nodes.Add(await cluster.Client.GetGrain<IAnywhereGrain>(Guid.NewGuid().ToString()).Node());
        Assert.NotEmpty(nodes);
        Assert.Subset(SharedCluster.Nodes.ToHashSet(), nodes);
    }
}

public interface INodeGrain : IGrainWithStringKey
{
    Task<string> Node();
}

public abstract class NodeGrain(ILocalSiloDetails node) : Grain
{
    public Task<string> Node() => Task.FromResult(node.Name);
}

public interface IIndexRoleGrain : INodeGrain;

[RolePlacement("index")]
public sealed class IndexRoleGrain(ILocalSiloDetails node) : NodeGrain(node), IIndexRoleGrain;

public interface IExtractRoleGrain : INodeGrain;

[RolePlacement("extract")]
public sealed class ExtractRoleGrain(ILocalSiloDetails node) : NodeGrain(node), IExtractRoleGrain;

public interface IGpuRoleGrain : INodeGrain;

[RolePlacement("gpu")]
public sealed class GpuRoleGrain(ILocalSiloDetails node) : NodeGrain(node), IGpuRoleGrain;

public interface INearGrain : INodeGrain;

[PreferLocalPlacement]
public sealed class NearGrain(ILocalSiloDetails node) : NodeGrain(node), INearGrain;

public interface IAnywhereGrain : INodeGrain;

public sealed class AnywhereGrain(ILocalSiloDetails node) : NodeGrain(node), IAnywhereGrain;

public interface ILostGrain : INodeGrain;

[Unregistered]
public sealed class LostGrain(ILocalSiloDetails node) : NodeGrain(node), ILostGrain;

public sealed class UnregisteredAttribute() : PlacementAttribute(new UnregisteredPlacement());

public sealed class UnregisteredPlacement : PlacementStrategy;
