using FuseMix.Contracts.Cluster;
using Orleans.Runtime;

namespace FuseMix.Grains.Cluster;

/// <summary>The nodes of the cluster as this one sees them.</summary>
internal sealed class NodeDirectory(ISiloStatusOracle membership)
{
    /// <summary>Every node known, by name; of a node that was started again, only the one that is there now.</summary>
    public NodeStatus[] All() =>
        [.. Known()
            .Select(node => new NodeStatus(node.Node.Name, [.. node.Node.Roles], [.. node.Node.Accelerators], node.State.ToString()))
            .GroupBy(node => node.Name, StringComparer.Ordinal)
            .Select(lives => lives.FirstOrDefault(node => node.State == nameof(SiloStatus.Active)) ?? lives.First())
            .OrderBy(node => node.Name, StringComparer.Ordinal)];

    /// <summary>The active nodes that extract and, where one is named, have an accelerator; each says its own slots.</summary>
    public NodeName[] Extractors(string? accelerator = null) =>
        [.. Known().Where(known => known.State == SiloStatus.Active).Select(known => known.Node)
            .Where(node => node.Has(NodeRoles.Extract) && (accelerator is null || node.Accelerators.Contains(accelerator)))];

    private IEnumerable<(NodeName Node, SiloStatus State)> Known() => membership.GetApproximateSiloStatuses()
        .Select(entry => (NodeName.Parse(membership.TryGetSiloName(entry.Key, out var name) ? name : entry.Key.ToString()), entry.Value));
}
