using Orleans;

namespace FuseMix.Contracts.Cluster;

/// <summary>Tells what the cluster consists of.</summary>
/// <remarks>Stateless: any key will do, 0 by custom.</remarks>
[Alias("fusemix.IClusterGrain")]
public interface IClusterGrain : IGrainWithIntegerKey
{
    /// <summary>The nodes as the answering one sees them.</summary>
    [Alias("Status")]
    Task<ClusterStatus> Status();
}

/// <summary>What the cluster consists of.</summary>
/// <param name="Nodes">Every node known.</param>
[GenerateSerializer, Immutable, Alias("fusemix.ClusterStatus")]
public sealed record ClusterStatus(NodeStatus[] Nodes);

/// <summary>One node.</summary>
/// <param name="Name">Its name, without the roles.</param>
/// <param name="Roles">What it does; see <see cref="NodeRoles"/>.</param>
/// <param name="Accelerators">What it has beside its processor; see <see cref="Cluster.Accelerators"/>.</param>
/// <param name="State">Its membership state, e.g. Active or Dead.</param>
[GenerateSerializer, Immutable, Alias("fusemix.NodeStatus")]
public sealed record NodeStatus(string Name, string[] Roles, string[] Accelerators, string State);
