using System.Net;
using FuseMix.Client.Grains;
using FuseMix.Contracts.Cluster;
using FuseMix.Grains.Hosting;
using FuseMix.Grains.State;
using FuseMix.Hosting.Azure;
using FuseMix.Hosting.Configuration;
using FuseMix.Hosting.PostgreSql;
using FuseMix.Hosting.Security;
using FuseMix.Hosting.Sqlite;
using FuseMix.Storage;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Orleans;
using Orleans.Configuration;
using Orleans.Hosting;
using Orleans.Storage;

namespace FuseMix.Hosting;

/// <summary>Puts a node together: how it finds the others, when it gives one of them up, whom it lets in, where grains keep their state, and the
/// grains themselves. Every node there is comes from here: the silo's, the command line's, those of tests and benchmarks.</summary>
public static class NodeHosting
{
    /// <summary>Makes a silo the node that the configuration says.</summary>
    /// <exception cref="FuseMixException">An option is out of range, a certificate cannot be used, or the home folder cannot be written to.</exception>
    public static ISiloBuilder AddFuseMixNode(this ISiloBuilder silo, NodeConfiguration configuration)
    {
        JoinCluster(silo, configuration);
        UseMemberTls(silo, configuration.Cluster.Certificate);
        silo.Configure<ClusterMembershipOptions>(Watch);
        silo.Configure<GrainCollectionOptions>(options =>
        {
            // Opening a large shard from a cold disk, and the last checkpoint of a training, may take longer than Orleans' 30 s.
            options.ActivationTimeout = TimeSpan.FromMinutes(2);
            options.DeactivationTimeout = configuration.Shutdown.Timeout;
        });
        var home = configuration.ResolveHome();
        AddState(silo, configuration, home);
        return silo.AddFuseMixGrains(home, configuration.Node);
    }

    /// <summary>Asks before the node starts what it would find out too, but not without writing its stack to the log.</summary>
    /// <exception cref="FuseMixException">A port of the node is taken.</exception>
    public static void RequireFreePorts(NodeConfiguration configuration)
    {
        var cluster = configuration.Cluster;
        var address = cluster.AdvertisedAddress is { } advertised ? IPAddress.Parse(advertised) : cluster.Kind == ClusteringKind.Local ? IPAddress.Loopback : IPAddress.Any;
        Ports.RequireFree(address, cluster.SiloPort, "Set FuseMix:Cluster:SiloPort to another, or to 0 for any free one.");
        if (!AdmitsClients(configuration)) return;
        Ports.RequireFree(address, cluster.GatewayPort, "Set FuseMix:Cluster:GatewayPort to another, or to 0 for any free one.");
    }

    /// <summary>Makes what databases need before the first node starts; harmless where it is there.</summary>
    /// <returns>What was made, in one sentence.</returns>
    /// <exception cref="FuseMixException">A database cannot be reached, or refuses.</exception>
    public static async Task<string> EnsureSchema(NodeConfiguration configuration, CancellationToken cancellationToken = default)
    {
        var (cluster, state) = (configuration.Cluster, configuration.State);
        var made = new List<string>();
        string?[] databases =
        [
            cluster.Kind == ClusteringKind.PostgreSql ? cluster.ConnectionString : null,
            state.KindWith(cluster) == StateKind.PostgreSql ? state.ConnectionStringWith(cluster) : null,
        ];
        foreach (var database in databases.OfType<string>().Distinct()) made.AddRange(await PostgreSqlSchema.EnsureAsync(database, cancellationToken));

        var table = cluster.Kind == ClusteringKind.Azure ? cluster.ConnectionString : null;
        var blobs = state.KindWith(cluster) == StateKind.Azure ? state.ConnectionStringWith(cluster) : null;
        if (table is not null || blobs is not null) await AzureHosting.EnsureAsync(table, blobs, cluster.ServiceId, cancellationToken);
        return made.Count > 0 ? $"Created by {string.Join(", ", made)}." : "Nothing to create: all that is needed is there.";
    }

    /// <summary>Orleans clients enter by gateways alone; no other node opens that port.</summary>
    private static bool AdmitsClients(NodeConfiguration configuration) =>
        configuration.Cluster.AdmitsClients && configuration.Node.Roles.Contains(NodeRoles.Gateway);

    private static void JoinCluster(ISiloBuilder silo, NodeConfiguration configuration)
    {
        var cluster = configuration.Cluster;
        var siloPort = cluster.SiloPort != 0 ? cluster.SiloPort : Ports.Free();
        var gatewayPort = !AdmitsClients(configuration) ? 0 : cluster.GatewayPort != 0 ? cluster.GatewayPort : Ports.Free();
        if (cluster.Kind == ClusteringKind.Local)
        {
            var primary = cluster.PrimarySiloPort is { } port ? new IPEndPoint(IPAddress.Loopback, port) : null;
            silo.UseLocalhostClustering(siloPort, gatewayPort, primary, cluster.ServiceId, cluster.ClusterId);
            return;
        }

        if (cluster.Kind == ClusteringKind.Azure) silo.UseAzureClustering(cluster.ConnectionString!);
        else silo.UsePostgreSqlClustering(cluster.ConnectionString!);
        silo.Configure<ClusterOptions>(options => (options.ClusterId, options.ServiceId) = (cluster.ClusterId, cluster.ServiceId));

        // They listen at the address that the others are told, and at no other.
        if (cluster.AdvertisedAddress is { } address) silo.ConfigureEndpoints(IPAddress.Parse(address), siloPort, gatewayPort);
        else silo.ConfigureEndpoints(siloPort, gatewayPort);
    }

    private static void UseMemberTls(ISiloBuilder silo, MemberCertificateOptions options)
    {
        if (options.Path is null) return;

        // Read here, so that what cannot be used is told before anything starts; so the log that tells of renewals is its own too.
        var authority = options.LoadAuthority();
        var logging = LoggerFactory.Create(log => log.AddStandardError());
        var certificate = new RenewedCertificate(
            options, MemberCertificateOptions.Section, TimeProvider.System, logging.CreateLogger<RenewedCertificate>()).Start();
        silo.UseTls(tls => ClusterClientHosting.BecomeMember(tls, () => certificate.Current.TargetCertificate, authority));
    }

    private static void AddState(ISiloBuilder silo, NodeConfiguration configuration, FuseMixHome home)
    {
        var connectionString = configuration.State.ConnectionStringWith(configuration.Cluster);
        var (kind, file) = (configuration.State.KindWith(configuration.Cluster), Path.Combine(home.State, "grains.db"));
        if (kind != StateKind.Sqlite)
        {
            // After the storage is ready, and before any grain reads its state.
            silo.AddStartupTask(
                (services, cancellation) => new SqliteStateMove(
                    file,
                    services.GetRequiredKeyedService<IGrainStorage>(GrainStorage.Name),
                    services.GetRequiredService<ILogger<SqliteStateMove>>()).Run(cancellation),
                ServiceLifecycleStage.BecomeActive - 1);
        }

        switch (kind)
        {
            case StateKind.Azure:
                silo.AddAzureGrainStorage(GrainStorage.Name, connectionString!, configuration.Cluster.ServiceId);
                break;
            case StateKind.PostgreSql:
                silo.AddPostgreSqlGrainStorage(GrainStorage.Name, connectionString!);
                break;
            default:
                silo.AddSqliteGrainStorage(GrainStorage.Name, file);
                break;
        }
    }

    /// <summary>When a silent node is given up: after some 6 s rather than Orleans' 15, and never by one other node alone where there are more.</summary>
    /// <remarks>docs/operations.md has the reasons for each.</remarks>
    private static void Watch(ClusterMembershipOptions options)
    {
        options.ProbeTimeout = TimeSpan.FromSeconds(2);
        options.NumMissedProbesLimit = 3;
        options.NumVotesForDeathDeclaration = 2;
        options.EnableIndirectProbes = true;
        options.ExtendProbeTimeoutDuringDegradation = true;
        options.IAmAliveTablePublishTimeout = TimeSpan.FromSeconds(5);
        options.NumMissedTableIAmAliveLimit = 3;
        options.TableRefreshTimeout = TimeSpan.FromSeconds(20);
        options.DefunctSiloExpiration = TimeSpan.FromDays(1);
    }
}
