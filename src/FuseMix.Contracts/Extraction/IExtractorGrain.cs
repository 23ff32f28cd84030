using Orleans;
using Orleans.Concurrency;

namespace FuseMix.Contracts.Extraction;

/// <summary>Works on shards of one extraction job, on a node with the role <see cref="Cluster.NodeRoles.Extract"/>.</summary>
/// <remarks>Key: the job's key, then '#' and the accelerator that its node must have, if any, then '#' and a slot number.</remarks>
public interface IExtractorGrain : IGrainWithStringKey
{
    /// <summary>Pulls leases from the job until there are none. Returns at once; safe to repeat while it works.</summary>
    Task Work(string job);

    /// <summary>Name of the node that it runs on.</summary>
    [AlwaysInterleave]
    Task<string> Node();
}
