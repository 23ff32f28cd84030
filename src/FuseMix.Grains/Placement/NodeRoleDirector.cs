using FuseMix.Contracts.Cluster;
using FuseMix.Contracts.Collections;
using FuseMix.Contracts.Extraction;
using FuseMix.Grains.Collections;
using Orleans.Runtime;
using Orleans.Runtime.Placement;

namespace FuseMix.Grains.Placement;

/// <summary>
/// Chooses among the active nodes with a grain's role. A slot goes to the node that its key names; shards go where
/// <see cref="ShardPlacement"/>
/// says; the trainer goes to a node with a GPU before one without.
/// </summary>
internal sealed class NodeRoleDirector(ISiloStatusOracle membership) : IPlacementDirector
{
    public Task<SiloAddress> OnAddActivation(PlacementStrategy strategy, PlacementTarget target, IPlacementContext context)
    {
        var role = ((NodeRolePlacement)strategy).Role;
        var key = target.GrainIdentity.Key.ToString();
        var nodes = new SortedDictionary<string, SiloAddress>(StringComparer.Ordinal);
        foreach (var silo in context.GetCompatibleSilos(target))
            if (membership.TryGetSiloName(silo, out var name) && NodeName.Parse(name).Has(role)) nodes[name] = silo;
        if (nodes.Count == 0)
        {
            throw new FuseMixException(
                FailureKind.Unavailable,
                $"No active node has the role '{role}'.",
                $"Start one with the role '{role}', or add it to a node.");
        }

        return Task.FromResult(nodes[Choose(role, key, [.. nodes.Keys])]);
    }

    private static string Choose(string role, string key, string[] nodes)
    {
        if (role == NodeRoles.Extract)
        {
            var node = IExtractorGrain.NodeOf(key);
            return Array.Find(nodes, name => NodeName.Parse(name).Name == node) ?? throw new FuseMixException(
                FailureKind.Unavailable,
                $"No active node with the role '{role}' has the name '{node}'.",
                "Start it again; meanwhile others do its work.");
        }

        if (role == NodeRoles.Train && Array.Find(nodes, name => NodeName.Parse(name).Accelerators.Count > 0) is { } accelerated)
            return accelerated;

        // Whatever else has a place is spread in the same way as shards are.
        var shard = key.Count(c => c == '/') == 3 ? IndexShardKey.Parse(key) : new IndexShardKey(key, "", "");
        return ShardPlacement.Choose(shard, nodes)!;
    }
}
