using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using FuseMix.Contracts.Cluster;
using Orleans.Runtime;
using Orleans.Runtime.Placement;

namespace FuseMix.Grains.Nodes;

/// <summary>Chooses among the nodes with a grain's role: slots ("…#2") go round the nodes, everything else by rendezvous hashing, so
/// that a node that joins or leaves moves only its share.</summary>
internal sealed class NodeRoleDirector(ISiloStatusOracle membership) : IPlacementDirector
{
    public Task<SiloAddress> OnAddActivation(PlacementStrategy strategy, PlacementTarget target, IPlacementContext context)
    {
        var role = ((NodeRolePlacement)strategy).Role;
        var nodes = new List<(string Name, SiloAddress Address)>();
        foreach (var silo in context.GetCompatibleSilos(target))
        {
            if (membership.TryGetSiloName(silo, out var name) && NodeName.Parse(name).Has(role)) nodes.Add((name, silo));
        }

        if (nodes.Count == 0)
        {
            throw new FuseMixException(
                FailureKind.Unavailable,
                $"No active node has the role '{role}'.",
                $"Start one with the role '{role}', or add it to a node's roles.");
        }

        nodes.Sort((a, b) => string.CompareOrdinal(a.Name, b.Name));
        return Task.FromResult(nodes[Choose(target.GrainIdentity.ToString(), nodes)].Address);
    }

    private static int Choose(string grain, List<(string Name, SiloAddress Address)> nodes)
    {
        var hash = grain.LastIndexOf('#');
        if (hash >= 0 && int.TryParse(grain.AsSpan(hash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var slot)) return slot % nodes.Count;

        var best = 0;
        var bestWeight = ulong.MinValue;
        for (var i = 0; i < nodes.Count; i++)
        {
            var weight = BinaryPrimitives.ReadUInt64LittleEndian(SHA256.HashData(Encoding.UTF8.GetBytes($"{nodes[i].Name}\n{grain}")));
            if (weight >= bestWeight) (best, bestWeight) = (i, weight);
        }

        return best;
    }
}
