using Microsoft.Extensions.DependencyInjection;
using Orleans;
using Orleans.Configuration;
using Orleans.Hosting;
using Orleans.Runtime;
using Orleans.Serialization;
using Orleans.TestingHost;

namespace FuseMix.Grains.Tests.Clusters;

/// <summary>An Orleans cluster, all its nodes in this process, and a client outside of any node.</summary>
public sealed class RuntimeCluster : IAsyncDisposable
{
    private readonly InProcessTestCluster _cluster;
    private string _joining = "";

    /// <param name="configure">Configures each node, by its name.</param>
    /// <param name="clientTimeout">How long the client's calls wait.</param>
    public RuntimeCluster(Action<ISiloBuilder, string> configure, TimeSpan clientTimeout)
    {
        var builder = new InProcessTestClusterBuilder(0);
        builder.Options.ConfigureFileLogging = false;
        builder.ConfigureSiloHost((options, _) => options.SiloName = _joining);
        builder.ConfigureSilo((options, silo) =>
        {
            // A dead node is noticed within two seconds.
            silo.Configure<ClusterMembershipOptions>(membership =>
            {
                membership.ProbeTimeout = TimeSpan.FromSeconds(1);
                membership.NumMissedProbesLimit = 1;
                membership.NumVotesForDeathDeclaration = 1;
            });
            configure(silo, options.SiloName);
        });
        builder.ConfigureClient(client =>
        {
            client.AddActivityPropagation();
            client.Configure<ClientMessagingOptions>(options => options.ResponseTimeout = clientTimeout);
            client.Services.Configure<ExceptionSerializationOptions>(options => options.SupportedNamespacePrefixes.Add(nameof(FuseMix)));
        });
        _cluster = builder.Build();
    }

    public IClusterClient Client => _cluster.Client;

    /// <summary>The services of a node.</summary>
    public IServiceProvider ServicesOf(string node) => Find(node).SiloHost.Services;

    public async Task AddNodeAsync(string node)
    {
        _joining = node;
        var isFirst = _cluster.Silos.Count == 0;
        await _cluster.StartAdditionalSiloAsync();
        if (isFirst) await _cluster.InitializeClientAsync();
        else await _cluster.WaitForLivenessToStabilizeAsync();

        // A node that is alive gets grains only once the others have also read which ones it knows.
        foreach (var silo in _cluster.Silos) await KnowsAll(silo.SiloHost.Services.GetRequiredService<IClusterManifestProvider>());

        async Task KnowsAll(IClusterManifestProvider manifests)
        {
            if (manifests.Current.Silos.Count >= _cluster.Silos.Count) return;
            using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
            await foreach (var manifest in manifests.Updates.WithCancellation(patience.Token))
            {
                if (manifest.Silos.Count >= _cluster.Silos.Count) return;
            }
        }
    }

    /// <summary>Stops a node in order.</summary>
    public Task StopNodeAsync(string node) => _cluster.StopSiloAsync(Find(node));

    /// <summary>Ends a node as if the power went.</summary>
    public Task KillNodeAsync(string node) => _cluster.KillSiloAsync(Find(node));

    public async ValueTask DisposeAsync()
    {
        await _cluster.StopAllSilosAsync();
        await _cluster.DisposeAsync();
    }

    private InProcessSiloHandle Find(string node) => _cluster.Silos.Single(silo => silo.Name == node);
}
