using FuseMix.Contracts.Cluster;
using FuseMix.Grains.Nodes;
using Orleans;
using Orleans.Concurrency;

namespace FuseMix.Grains.Cluster;

[StatelessWorker]
internal sealed class ClusterGrain(NodeDirectory nodes) : Grain, IClusterGrain
{
#if ORLEANS
    private const string Runtime = "Orleans";
#else
    private const string Runtime = "Embedded";
#endif

    public Task<ClusterStatus> Status() => Task.FromResult(new ClusterStatus(Runtime, nodes.All()));
}
