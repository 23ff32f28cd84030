using FuseMix.Grains.Nodes;
using FuseMix.Persistence.Sqlite;
using FuseMix.Silo.Configuration;
using Orleans.Hosting;

namespace FuseMix.Silo.Clustering;

/// <summary>What a node stands on with the embedded grain runtime: its own process, and a file.</summary>
internal static class SiloClustering
{
    /// <exception cref="FuseMixException">The configuration asks for what this build cannot do.</exception>
    public static void RequireSupported(SiloConfiguration configuration)
    {
        if (configuration.Cluster.Kind != ClusteringKind.Local) throw Refuse("FuseMix:Cluster:Kind", $"{configuration.Cluster.Kind}", "set it to Local");
        if (!configuration.Cluster.IsAlone) throw Refuse("FuseMix:Cluster:PrimarySiloPort", $"{configuration.Cluster.PrimarySiloPort}", "remove it");
        var state = configuration.State.KindWith(configuration.Cluster);
        if (state != StateKind.Sqlite) throw Refuse("FuseMix:State:Kind", $"{state}", "set it to Sqlite");

        static FuseMixException Refuse(string key, string value, string otherwise) => new(
            FailureKind.Invalid,
            $"{key} is {value}, but this build has the embedded grain runtime, whose cluster is one process.",
            $"Build with -p:GrainRuntime=Orleans, or {otherwise}.");
    }

    public static void RequireFreePorts(SiloConfiguration configuration)
    {
        // Nodes that are one process need none.
    }

    /// <summary>Nothing needs to be made before the node starts.</summary>
    public static Task<string> EnsureSchema(SiloConfiguration configuration, CancellationToken cancellationToken = default) =>
        Task.FromResult("Nothing to create: the SQLite file is made at first use.");

    public static void Configure(ISiloBuilder silo, SiloConfiguration configuration) =>
        silo.UseLocalhostClustering(serviceId: configuration.Cluster.ServiceId, clusterId: configuration.Cluster.ClusterId);

    public static void AddState(ISiloBuilder silo, SiloConfiguration configuration) =>
        silo.AddSqliteGrainStorage(GrainStorage.Name, Path.Combine(configuration.ResolveHome().State, "grains.db"));
}
