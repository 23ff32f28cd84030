using System.Diagnostics.Metrics;
using FuseMix.Contracts.Cluster;
using Orleans.Runtime;
using static FuseMix.Grains.Hosting.Instruments;

namespace FuseMix.Grains.Cluster;

/// <summary>The nodes of the cluster as this one sees them: the meter <c>FuseMix.Cluster</c>.</summary>
internal sealed class ClusterMetrics
{
    /// <summary>Name of the meter.</summary>
    public const string Name = "FuseMix.Cluster";

    private static readonly string[] States = ["joining", "active", "stopping", "dead"];

    private readonly NodeDirectory _nodes;

    public ClusterMetrics(IMeterFactory meters, NodeDirectory nodes)
    {
        _nodes = nodes;
        meters.Create(Name).CreateObservableGauge(
            "fusemix.cluster.nodes",
            Count,
            "{node}",
            "Nodes as this one sees them, by state and role; one with several roles counts for each.");
    }

    /// <summary>Every combination, so that none stays at its last value when its last node is gone.</summary>
    private IEnumerable<Measurement<int>> Count()
    {
        var nodes = _nodes.All();
        return
            from state in States
            from role in NodeRoles.All
            select new Measurement<int>(
                nodes.Count(node => LabelOf(node.State) == state && node.Roles.Contains(role)), Label("state", state), Label("role", role));
    }

    private static string? LabelOf(string state) => state switch
    {
        nameof(SiloStatus.Created) or nameof(SiloStatus.Joining) => "joining",
        nameof(SiloStatus.Active) => "active",
        nameof(SiloStatus.ShuttingDown) or nameof(SiloStatus.Stopping) => "stopping",
        nameof(SiloStatus.Dead) => "dead",
        _ => null,
    };
}
