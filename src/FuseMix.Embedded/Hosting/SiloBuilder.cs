using System.Diagnostics;
using System.Net;
using FuseMix.Embedded;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Configuration;
using Orleans.Runtime;
using Orleans.Runtime.Hosting;
using Orleans.Runtime.Placement;

namespace Orleans.Hosting;

/// <summary>Configures a node.</summary>
public interface ISiloBuilder
{
    /// <summary>The host's services.</summary>
    IServiceCollection Services { get; }

    /// <summary>The host's configuration.</summary>
    IConfiguration Configuration { get; }
}

internal sealed class SiloBuilder(IServiceCollection services, IConfiguration configuration) : ISiloBuilder
{
    public IServiceCollection Services { get; } = services;

    public IConfiguration Configuration { get; } = configuration;

    /// <summary>Adds what a node needs, once for a host.</summary>
    public static ISiloBuilder For(IServiceCollection services, IConfiguration configuration)
    {
        if (services.FirstOrDefault(d => d.ServiceType == typeof(SiloBuilder))?.ImplementationInstance is SiloBuilder known) return known;
        var builder = new SiloBuilder(services, configuration);
        services.AddSingleton(builder);
        services.AddLogging();
        services.AddOptions();
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton(new ClusterCore());
        services.TryAddSingleton<Node>();
        services.TryAddSingleton<ILocalSiloDetails>(s => s.GetRequiredService<Node>());
        services.TryAddSingleton<ISiloStatusOracle>(s => s.GetRequiredService<Node>());
        services.TryAddSingleton<IClusterClient>(s => s.GetRequiredService<Node>().Factory);
        services.TryAddSingleton<IGrainFactory>(s => s.GetRequiredService<Node>().Factory);
        services.AddPlacementDirector<RandomPlacement, RandomPlacementDirector>();
        services.AddPlacementDirector<PreferLocalPlacement, PreferLocalPlacementDirector>();
        services.Add(ServiceDescriptor.DescribeKeyed(
            typeof(PlacementStrategy), nameof(StatelessWorkerPlacement), typeof(StatelessWorkerPlacement), ServiceLifetime.Transient));
        services.AddHostedService<NodeService>();
        return builder;
    }

    private sealed class NodeService(Node node) : IHostedService
    {
        public Task StartAsync(CancellationToken cancellationToken)
        {
            node.Join();
            return Task.CompletedTask;
        }

        public Task StopAsync(CancellationToken cancellationToken) => node.StopAsync(cancellationToken);
    }
}

/// <summary>Configures services and options of a node.</summary>
public static class SiloBuilderExtensions
{
    /// <summary>Adds services.</summary>
    public static ISiloBuilder ConfigureServices(this ISiloBuilder builder, Action<IServiceCollection> configureDelegate)
    {
        configureDelegate(builder.Services);
        return builder;
    }

    /// <summary>Sets options.</summary>
    public static ISiloBuilder Configure<TOptions>(this ISiloBuilder builder, Action<TOptions> configureOptions)
        where TOptions : class => builder.ConfigureServices(services => services.Configure(configureOptions));

    /// <summary>Binds options to configuration.</summary>
    public static ISiloBuilder Configure<TOptions>(this ISiloBuilder builder, IConfiguration configuration)
        where TOptions : class => builder.ConfigureServices(services => services.AddOptions<TOptions>().Bind(configuration));

    /// <summary>Configures logging.</summary>
    public static ISiloBuilder ConfigureLogging(this ISiloBuilder builder, Action<ILoggingBuilder> configureLogging) =>
        builder.ConfigureServices(services => services.AddLogging(configureLogging));
}

/// <summary>Where a node finds its cluster.</summary>
public static class CoreHostingExtensions
{
    /// <summary>Accepted for the sake of the same source; the ports are not opened, as every embedded node is in this process.</summary>
    public static ISiloBuilder UseLocalhostClustering(
        this ISiloBuilder builder,
        int siloPort = 11111,
        int gatewayPort = 30000,
        IPEndPoint? primarySiloEndpoint = null,
        string serviceId = "dev",
        string clusterId = "dev") =>
        builder.Configure<ClusterOptions>(options => (options.ServiceId, options.ClusterId) = (serviceId, clusterId));

    /// <summary>Lets grains of this node go on with the span of their caller (<see cref="Activity.Current"/>). On Orleans a call is a span of
    /// its own and its clients are asked too; here the caller's span itself is passed on, whoever calls.</summary>
    public static ISiloBuilder AddActivityPropagation(this ISiloBuilder builder)
    {
        builder.Services.TryAddSingleton<ActivityPropagation>();
        return builder;
    }

    /// <summary>Makes this host a node of a cluster with others of this process; embedded runtime only.</summary>
    public static ISiloBuilder UseEmbeddedCluster(this ISiloBuilder builder, EmbeddedCluster cluster)
    {
        builder.Services.Replace(ServiceDescriptor.Singleton(cluster.Core));
        return builder;
    }
}

/// <summary>Registers placement directors.</summary>
public static class PlacementStrategyExtensions
{
    /// <summary>The director of a strategy, of which one instance serves all classes: fit for strategies without parameters.</summary>
    public static ISiloBuilder AddPlacementDirector<TStrategy, TDirector>(this ISiloBuilder builder)
        where TStrategy : PlacementStrategy, new()
        where TDirector : class, IPlacementDirector =>
        builder.ConfigureServices(services => services.AddPlacementDirector<TStrategy, TDirector>());

    /// <inheritdoc cref="AddPlacementDirector{TStrategy, TDirector}(ISiloBuilder)" />
    public static void AddPlacementDirector<TStrategy, TDirector>(this IServiceCollection services)
        where TStrategy : PlacementStrategy, new()
        where TDirector : class, IPlacementDirector => services.AddPlacementDirector<TStrategy, TDirector>(ServiceLifetime.Singleton);

    /// <summary>The director of a strategy; transient strategies may have parameters, each class gets its own.</summary>
    public static void AddPlacementDirector<TStrategy, TDirector>(this IServiceCollection services, ServiceLifetime strategyLifetime)
        where TStrategy : PlacementStrategy, new()
        where TDirector : class, IPlacementDirector
    {
        services.Add(ServiceDescriptor.DescribeKeyed(typeof(PlacementStrategy), typeof(TStrategy).Name, typeof(TStrategy), strategyLifetime));
        services.AddKeyedSingleton<IPlacementDirector, TDirector>(typeof(TStrategy));
    }
}

/// <summary>Registers storage in memory.</summary>
public static class MemoryGrainStorageSiloBuilderExtensions
{
    /// <summary>Keeps states in memory: they outlive nodes though not the process. State types must be marked as messages are.</summary>
    public static ISiloBuilder AddMemoryGrainStorage(this ISiloBuilder builder, string name)
    {
        builder.Services.AddGrainStorage(
            name, (services, key) => new MemoryGrainStorage(services.GetRequiredService<Node>(), services.GetRequiredService<ClusterCore>().Memory(key)));
        return builder;
    }

    /// <inheritdoc cref="AddMemoryGrainStorage" />
    public static ISiloBuilder AddMemoryGrainStorageAsDefault(this ISiloBuilder builder) =>
        builder.AddMemoryGrainStorage(Providers.ProviderConstants.DEFAULT_STORAGE_PROVIDER_NAME);
}
