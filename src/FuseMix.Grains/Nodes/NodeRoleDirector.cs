using System.Globalization;
using FuseMix.Contracts.Cluster;
using FuseMix.Contracts.Collections;
using FuseMix.Grains.Collections;
using Orleans.Runtime;
using Orleans.Runtime.Placement;

namespace FuseMix.Grains.Nodes;

/// <summary>
/// Chooses among the active nodes with a grain's role. Slots ("job#2", or "job#cuda#2" where only nodes with that accelerator will do) go
/// round the nodes; shards go where <see cref="ShardPlacement"/> says; the trainer goes to a node with a GPU before one without.
/// </summary>
internal sealed class NodeRoleDirector(ISiloStatusOracle membership) : IPlacementDirector
{
    public Task<SiloAddress> OnAddActivation(PlacementStrategy strategy, PlacementTarget target, IPlacementContext context)
    {
        var role = ((NodeRolePlacement)strategy).Role;
        var key = target.GrainIdentity.Key.ToString();
        var slot = Slot.Parse(key);
        var nodes = new SortedDictionary<string, SiloAddress>(StringComparer.Ordinal);
        foreach (var silo in context.GetCompatibleSilos(target))
        {
            if (!membership.TryGetSiloName(silo, out var name)) continue;
            var node = NodeName.Parse(name);
            if (node.Has(role) && (slot?.Accelerator is null || node.Accelerators.Contains(slot.Accelerator))) nodes[name] = silo;
        }

        if (nodes.Count == 0)
        {
            var with = slot?.Accelerator is { } accelerator ? $" and the accelerator '{accelerator}'" : "";
            throw new FuseMixException(
                FailureKind.Unavailable, $"No active node has the role '{role}'{with}.", $"Start one with the role '{role}'{with}, or add it to a node.");
        }

        return Task.FromResult(nodes[Choose(role, key, slot, [.. nodes.Keys])]);
    }

    private static string Choose(string role, string key, Slot? slot, string[] nodes)
    {
        if (slot is not null) return nodes[slot.Number % nodes.Length];
        if (role == NodeRoles.Train && Array.Find(nodes, name => NodeName.Parse(name).Accelerators.Count > 0) is { } accelerated) return accelerated;

        // Whatever else has a place is spread in the same way as shards are.
        var shard = key.Count(c => c == '/') == 3 ? IndexShardKey.Parse(key) : new IndexShardKey(key, "", "");
        return ShardPlacement.Choose(shard, nodes)!;
    }

    private sealed record Slot(string? Accelerator, int Number)
    {
        public static Slot? Parse(string key) =>
            key.Split('#') is [_, .. { Length: > 0 } rest] && int.TryParse(rest[^1], NumberStyles.None, CultureInfo.InvariantCulture, out var number)
                ? new Slot(rest.Length > 1 ? rest[0] : null, number)
                : null;
    }
}
