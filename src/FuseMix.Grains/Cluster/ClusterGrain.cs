using FuseMix.Contracts.Cluster;
using Orleans;
using Orleans.Concurrency;

namespace FuseMix.Grains.Cluster;

[StatelessWorker]
[GrainType("cluster")]
internal sealed class ClusterGrain(NodeDirectory nodes) : Grain, IClusterGrain
{
    public Task<ClusterStatus> Status() => Task.FromResult(new ClusterStatus(nodes.All()));
}
