using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using FuseMix.Contracts.Cluster;
using FuseMix.Contracts.Collections;
using FuseMix.Grains.Cluster;
using Orleans.Runtime;

namespace FuseMix.Grains.Collections;

/// <summary>Which index node holds which replica of a shard: the nodes in the order of a hash of node and shard, the first replica on the
/// first of them (rendezvous hashing, Thaler and Ravishankar 1996). A node that joins or leaves moves only its share.</summary>
internal sealed class ShardPlacement(ISiloStatusOracle membership, ILocalSiloDetails self, NodeOptions options)
{
    /// <summary>How many replicas of each shard there are: as many as wanted, at most one a node.</summary>
    public int Replicas => Math.Clamp(IndexNodes().Count(), 1, options.ShardReplicas);

    /// <summary>Whether this is the node for a replica, as far as this node knows the others.</summary>
    public bool IsHere(IndexShardKey key)
    {
        var node = Choose(key, [.. IndexNodes()]);
        return node is null || node == self.Name;
    }

    /// <summary>The node for a replica among the silo names of nodes; null where there are none.</summary>
    public static string? Choose(IndexShardKey key, IReadOnlyCollection<string> nodes)
    {
        var shard = (key with { Replica = 0 }).ToString();
        return nodes.OrderByDescending(node => Weight(node, shard)).ThenBy(node => node, StringComparer.Ordinal)
            .ElementAtOrDefault(nodes.Count == 0 ? 0 : key.Replica % nodes.Count);
    }

    private static ulong Weight(string node, string shard) =>
        BinaryPrimitives.ReadUInt64LittleEndian(SHA256.HashData(Encoding.UTF8.GetBytes($"{node}\n{shard}")));

    private IEnumerable<string> IndexNodes()
    {
        foreach (var silo in membership.GetActiveSilos())
        {
            if (membership.TryGetSiloName(silo, out var name) && NodeName.Parse(name).Has(NodeRoles.Index)) yield return name;
        }
    }
}
