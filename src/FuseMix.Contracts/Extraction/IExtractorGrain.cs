using Orleans;
using Orleans.Concurrency;

namespace FuseMix.Contracts.Extraction;

/// <summary>One slot of a node with the role <see cref="Cluster.NodeRoles.Extract"/>: works on one shard at a time, of whichever jobs ask
/// for it.</summary>
/// <remarks>Key: <see cref="KeyOf"/>. It lives on that node and on no other: a node says its own slots, which are gone with it.</remarks>
[Alias("fusemix.IExtractorGrain")]
public interface IExtractorGrain : IGrainWithStringKey
{
    /// <summary>The key of a node's slot.</summary>
    /// <param name="node">The node's name, without its roles.</param>
    /// <param name="slot">0 or more.</param>
    static string KeyOf(string node, int slot) => $"{node}/{slot}";

    /// <summary>The node that a slot's key names.</summary>
    static string NodeOf(string key) => key.LastIndexOf('/') is var slash and >= 0 ? key[..slash] : key;

    /// <summary>Pulls leases from the job until there are none, in turn with other jobs that asked. Returns at once; safe to
    /// repeat.</summary>
    [Alias("Work")]
    Task Work(string job);

    /// <summary>Name of the node that it runs on.</summary>
    [AlwaysInterleave]
    [Alias("Node")]
    Task<string> Node();
}
