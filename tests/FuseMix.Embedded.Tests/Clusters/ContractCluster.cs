using Microsoft.Extensions.DependencyInjection;
using Orleans.Configuration;
using Orleans.Hosting;
using Orleans.Runtime.Hosting;
using Orleans.Serialization;
#if ORLEANS
using System.Globalization;
using Orleans;
using Orleans.TestingHost;
#else
using Orleans;
#endif

namespace FuseMix.Embedded.Tests.Clusters;

/// <summary>Starts clusters of the runtime that this build is for.</summary>
public static class ContractCluster
{
    /// <summary>Starts one with these nodes.</summary>
    public static async Task<IContractCluster> StartAsync(
        string[] nodes, Action<ISiloBuilder>? configure = null, TimeSpan? responseTimeout = null)
    {
        var timeout = responseTimeout ?? TimeSpan.FromSeconds(20);
        return await Adapter.StartAsync(nodes, timeout, silo =>
        {
            silo.Configure<SiloMessagingOptions>(options => options.ResponseTimeout = timeout);
            silo.Configure<ExceptionSerializationOptions>(options => options.SupportedNamespacePrefixes.Add("FuseMix"));
            silo.AddActivityPropagation();
            silo.AddMemoryGrainStorage("memory");
            silo.Services.AddGrainStorage(SharedStorage.Name, (_, _) => SharedStorage.Instance);
            silo.Services.AddPlacementDirector<Grains.RolePlacement, Grains.RoleDirector>(ServiceLifetime.Transient);
            configure?.Invoke(silo);
        });
    }

#if ORLEANS
    private sealed class Adapter : IContractCluster
    {
        private readonly List<string> _names = [];
        private InProcessTestCluster _cluster = null!;

        public IClusterClient Client => _cluster.Client;

        public static async Task<Adapter> StartAsync(string[] nodes, TimeSpan timeout, Action<ISiloBuilder> configure)
        {
            var adapter = new Adapter();
            adapter._names.AddRange(nodes);
            var builder = new InProcessTestClusterBuilder((short)nodes.Length);
            builder.Options.ConfigureFileLogging = false;
            builder.ConfigureSiloHost((options, _) =>
                options.SiloName = adapter._names[int.Parse(options.SiloName["Silo_".Length..], CultureInfo.InvariantCulture)]);
            builder.ConfigureSilo((_, silo) =>
            {
                silo.Configure<ClusterMembershipOptions>(options =>
                {
                    options.ProbeTimeout = TimeSpan.FromSeconds(1);
                    options.NumMissedProbesLimit = 1;
                    options.NumVotesForDeathDeclaration = 1;
                });
                configure(silo);
            });
            builder.ConfigureClient(client =>
            {
                client.AddActivityPropagation();
                client.Configure<ClientMessagingOptions>(options => options.ResponseTimeout = timeout);
                client.Services.Configure<ExceptionSerializationOptions>(options => options.SupportedNamespacePrefixes.Add("FuseMix"));
            });
            adapter._cluster = builder.Build();
            await adapter._cluster.DeployAsync();
            return adapter;
        }

        public IServiceProvider ServicesOf(string node) => Find(node).SiloHost.Services;

        public async Task AddNodeAsync(string node)
        {
            _names.Add(node);
            await _cluster.StartAdditionalSiloAsync();
            await _cluster.WaitForLivenessToStabilizeAsync();
        }

        public Task StopNodeAsync(string node) => _cluster.StopSiloAsync(Find(node));

        public Task KillNodeAsync(string node) => _cluster.KillSiloAsync(Find(node));

        public async ValueTask DisposeAsync()
        {
            await _cluster.StopAllSilosAsync();
            await _cluster.DisposeAsync();
        }

        private InProcessSiloHandle Find(string node) => _cluster.Silos.Single(s => s.Name == node);
    }
#else
    private sealed class Adapter : IContractCluster
    {
        private EmbeddedCluster _cluster = null!;
        private ServiceProvider _clientServices = null!;

        public IClusterClient Client => _cluster.Client;

        public static async Task<Adapter> StartAsync(string[] nodes, TimeSpan timeout, Action<ISiloBuilder> configure)
        {
            var services = new ServiceCollection();
            services.Configure<ExceptionSerializationOptions>(options => options.SupportedNamespacePrefixes.Add("FuseMix"));
            var adapter = new Adapter { _clientServices = services.BuildServiceProvider() };
            adapter._cluster = new EmbeddedCluster(null, configure, adapter._clientServices, timeout);
            foreach (var node in nodes) await adapter.AddNodeAsync(node);
            return adapter;
        }

        public IServiceProvider ServicesOf(string node) => _cluster.ServicesOf(node);

        public Task AddNodeAsync(string node) => _cluster.AddNodeAsync(node);

        public Task StopNodeAsync(string node) => _cluster.StopNodeAsync(node);

        public Task KillNodeAsync(string node) => _cluster.KillNodeAsync(node);

        public async ValueTask DisposeAsync()
        {
            await _cluster.DisposeAsync();
            await _clientServices.DisposeAsync();
        }
    }
#endif
}
