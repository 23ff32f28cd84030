using System.Net;
using System.Net.Sockets;
using FuseMix.Contracts.Catalog;
using FuseMix.Data.Datasets;
using FuseMix.Data.Latents;
using FuseMix.Data.Uploads;
using FuseMix.Encoders.Packs;
using FuseMix.Grains.Cluster;
using FuseMix.Grains.Collections;
using FuseMix.Grains.Extraction;
using FuseMix.Grains.Jobs;
using FuseMix.Grains.Nodes;
using FuseMix.Grains.Search;
using FuseMix.Grains.Training;
using FuseMix.Persistence.Sqlite;
using FuseMix.Retrieval.Generations;
using FuseMix.Storage;
using FuseMix.Training;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Configuration;
using Orleans.Hosting;
using Orleans.Serialization;

namespace FuseMix.Grains.Hosting;

/// <summary>Puts a node together: its grains, what they stand on, and their runtime.</summary>
public static class NodeHosting
{
    /// <summary>Makes the host a node of its own cluster of one, with grain state in SQLite under the home folder. No Orleans client can enter,
    /// and any number of these run beside one another.</summary>
    /// <exception cref="FuseMixException">An option is out of range, or the home folder cannot be written to.</exception>
    public static IHostApplicationBuilder AddFuseMixNode(this IHostApplicationBuilder builder, FuseMixHome home, NodeOptions options)
    {
        builder.UseOrleans(silo => silo.UseLocalhostClustering(siloPort: FreePort(), gatewayPort: 0).AddFuseMix(home, options));
        return builder;
    }

    /// <summary>A TCP port of the loopback interface that nobody listens on: Orleans wants to know its ports beforehand.</summary>
    public static int FreePort()
    {
        using var probe = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        probe.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)probe.LocalEndPoint!).Port;
    }

    /// <summary>Adds the grains and all they need to a silo whose clustering is configured elsewhere.</summary>
    /// <param name="silo">The node.</param>
    /// <param name="home">Where data lie.</param>
    /// <param name="options">What the node is.</param>
    /// <param name="addState">Adds a grain storage named <see cref="GrainStorage.Name"/>; null for SQLite under the home folder.</param>
    /// <exception cref="FuseMixException">An option is out of range, or the home folder cannot be written to.</exception>
    public static ISiloBuilder AddFuseMix(this ISiloBuilder silo, FuseMixHome home, NodeOptions options, Action<ISiloBuilder>? addState = null)
    {
        options.Validate();
        home.EnsureWritable();
        silo.Configure<SiloOptions>(o => o.SiloName = options.ToNodeName().ToString());
        if (addState is not null) addState(silo);
        else silo.AddSqliteGrainStorage(GrainStorage.Name, Path.Combine(home.State, "grains.db"));
        silo.AddActivityPropagation();
        silo.AddPlacementDirector<ExtractPlacement, NodeRoleDirector>();
        silo.AddPlacementDirector<TrainPlacement, NodeRoleDirector>();
        silo.AddPlacementDirector<IndexPlacement, NodeRoleDirector>();
        silo.Configure<ExceptionSerializationOptions>(o => o.SupportedNamespacePrefixes.Add(nameof(FuseMix)));

        var services = silo.Services;
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton(home);
        services.AddSingleton(options);
        services.AddSingleton<NodeDirectory>();
        services.AddSingleton(new EncoderPackStore(home.Encoders));
        services.AddSingleton(new DatasetStore(home));
        services.AddSingleton(new UploadStore(home));
        services.AddSingleton(new LatentStore(home));
        services.AddSingleton(new CollectionStore(home));
        services.AddMetrics();
        services.AddSingleton<SearchMetrics>();
        services.AddSingleton<IndexMetrics>();
        services.AddSingleton<ExtractionMetrics>();
        services.AddSingleton<TrainingMetrics>();
        services.AddSingleton<ClusterMetrics>();
        services.AddHostedService<MetersOfNode>();
        services.AddSingleton<DatasetCache>();
        services.AddSingleton<IHomeFiles, HomeFiles>();
        services.AddSingleton<DeviceHealth>();
        services.AddSingleton<StateProbe>();
        services.AddSingleton<EncodingThreads>();
        services.AddSingleton<EncoderSessions>();
        services.AddSingleton<FusionModels>();
        services.AddSingleton<ShardExtraction>();
        services.AddSingleton(provider => NodeTrainer.Create(
            options, provider.GetRequiredService<DeviceHealth>(), provider.GetRequiredService<ILogger<DeviceHealth>>()));

        // Only where something is trained: what keeps a device from training is said to whoever asks for that, and to nobody else.
        services.AddSingleton<Func<IFusionTrainer>>(provider => provider.GetRequiredService<IFusionTrainer>);
        services.AddSingleton<ModelTraining>();
        services.AddSingleton<ModelEvaluation>();
        services.AddSingleton<CollectionBuilder>();
        services.AddSingleton<ShardPlacement>();
        services.AddSingleton<LiveCollections>();
        if (options.ResumesJobs) services.AddHostedService<JobKeeper>();
        return silo;
    }
}
