using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Orleans;
using Orleans.Configuration;
using Orleans.Hosting;
using Orleans.Runtime;

namespace FuseMix.Embedded;

/// <summary>A cluster whose nodes are hosts of this process: for one machine, and for tests of placement and fail-over.</summary>
/// <remarks>
/// A node is a host: it has its own services, so a singleton is one per node, as it is in a real cluster. Hosts that are made elsewhere,
/// such as a web application, join by <see cref="CoreHostingExtensions.UseEmbeddedCluster"/>.
/// </remarks>
public sealed class EmbeddedCluster : IAsyncDisposable
{
    private readonly Dictionary<string, IHost> _hosts = [];
    private readonly Action<IHostApplicationBuilder>? _configureHost;
    private readonly Action<ISiloBuilder>? _configureNode;
    private readonly Lazy<GrainFactory> _client;

    /// <summary>A cluster without nodes.</summary>
    /// <param name="configureHost">Configures the host of each node that <see cref="AddNodeAsync"/> makes, e.g. its services.</param>
    /// <param name="configureNode">Configures each of those nodes, e.g. its storages.</param>
    /// <param name="clientServices">The services of <see cref="Client"/>: time and exception options are taken from them.</param>
    /// <param name="clientResponseTimeout">How long calls of <see cref="Client"/> wait; 30 s by default.</param>
    public EmbeddedCluster(
        Action<IHostApplicationBuilder>? configureHost = null,
        Action<ISiloBuilder>? configureNode = null,
        IServiceProvider? clientServices = null,
        TimeSpan? clientResponseTimeout = null)
    {
        (_configureHost, _configureNode) = (configureHost, configureNode);
        _client = new Lazy<GrainFactory>(() => new GrainFactory(
            Core, node: null, clientServices ?? _hosts.Values.First().Services, clientResponseTimeout ?? new ClientMessagingOptions().ResponseTimeout));
    }

    /// <summary>A client of the cluster, outside of any node; each call enters by some active node.</summary>
    public IClusterClient Client => _client.Value;

    /// <summary>The names of the nodes that take calls.</summary>
    public IReadOnlyList<string> ActiveNodes => [.. Core.ActiveNodes().Select(n => n.Name)];

    internal ClusterCore Core { get; } = new();

    /// <summary>Starts a host as a node of that name.</summary>
    /// <exception cref="OrleansConfigurationException">An active node has that name.</exception>
    public async Task AddNodeAsync(string name)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings { ApplicationName = name });
        _configureHost?.Invoke(builder);
        builder.UseOrleans(node =>
        {
            node.Configure<SiloOptions>(options => options.SiloName = name);
            node.UseEmbeddedCluster(this);
            _configureNode?.Invoke(node);
        });
        var host = builder.Build();
        await host.StartAsync();
        _hosts[name] = host;
    }

    /// <summary>The services of a node that <see cref="AddNodeAsync"/> made.</summary>
    public IServiceProvider ServicesOf(string name) => _hosts[name].Services;

    /// <summary>Stops a node in order: its grains finish their calls and are deactivated.</summary>
    public async Task StopNodeAsync(string name)
    {
        _hosts.Remove(name, out var host);
        await host!.StopAsync();
        host.Dispose();
    }

    /// <summary>
    /// Ends a node as if the power went: its grains vanish without <see cref="Grain.OnDeactivateAsync"/>, none of their code runs on, and
    /// callers get <see cref="SiloUnavailableException"/>. Threads that the node's services started run until their host is disposed.
    /// </summary>
    public Task KillNodeAsync(string name)
    {
        _hosts.Remove(name, out var host);
        host!.Services.GetRequiredService<Node>().Kill();
        host.Dispose();
        return Task.CompletedTask;
    }

    /// <summary>Stops every node that <see cref="AddNodeAsync"/> made.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach (var name in _hosts.Keys.ToArray()) await StopNodeAsync(name);
    }
}
