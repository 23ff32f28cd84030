using FuseMix.Contracts.Cluster;
using Orleans.Runtime;

namespace FuseMix.Grains.Nodes;

/// <summary>The nodes of the cluster as this one sees them.</summary>
internal sealed class NodeDirectory(ISiloStatusOracle membership)
{
    /// <summary>Every node known, by name; of a node that was started again, only the one that is there now.</summary>
    public NodeStatus[] All() =>
        [.. membership.GetApproximateSiloStatuses()
            .Select(entry => (Name: membership.TryGetSiloName(entry.Key, out var name) ? name : entry.Key.ToString(), State: entry.Value))
            .Select(node => (Node: NodeName.Parse(node.Name), node.State))
            .Select(node => new NodeStatus(node.Node.Name, [.. node.Node.Roles], [.. node.Node.Accelerators], node.State.ToString()))
            .GroupBy(node => node.Name, StringComparer.Ordinal)
            .Select(lives => lives.FirstOrDefault(node => node.State == nameof(SiloStatus.Active)) ?? lives.First())
            .OrderBy(node => node.Name, StringComparer.Ordinal)];

    /// <summary>Number of active nodes with a role and, where one is named, an accelerator.</summary>
    public int Count(string role, string? accelerator = null) => All().Count(node =>
        node.State == nameof(SiloStatus.Active) && node.Roles.Contains(role) && (accelerator is null || node.Accelerators.Contains(accelerator)));
}
