using FuseMix.Contracts.Catalog;
using FuseMix.Data.Datasets;
using FuseMix.Data.Latents;
using FuseMix.Data.Uploads;
using FuseMix.Encoders.Packs;
using FuseMix.Grains.Cluster;
using FuseMix.Grains.Collections;
using FuseMix.Grains.Extraction;
using FuseMix.Grains.Home;
using FuseMix.Grains.Jobs;
using FuseMix.Grains.Placement;
using FuseMix.Grains.Search;
using FuseMix.Grains.Sessions;
using FuseMix.Grains.State;
using FuseMix.Grains.Training;
using FuseMix.Retrieval.Generations;
using FuseMix.Storage;
using FuseMix.Training;
using FuseMix.Training.Models;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Orleans.Configuration;
using Orleans.Hosting;
using Orleans.Serialization;

namespace FuseMix.Grains.Hosting;

/// <summary>Adds the grains and all they stand on, but for what a silo has whatever runs on it.</summary>
public static class GrainHosting
{
    /// <summary>Adds them to a silo that has a grain storage named <see cref="GrainStorage.Name"/>.</summary>
    /// <param name="silo">The node.</param>
    /// <param name="home">Where data lie.</param>
    /// <param name="options">What the node is.</param>
    /// <exception cref="FuseMixException">An option is out of range, or the home folder cannot be written to.</exception>
    public static ISiloBuilder AddFuseMixGrains(this ISiloBuilder silo, FuseMixHome home, NodeOptions options)
    {
        options.Validate();
        home.EnsureWritable();
        silo.Configure<SiloOptions>(o => o.SiloName = options.ToNodeName().ToString());
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
        services.AddSingleton(new FusionModelStore(home));
        services.AddSingleton(new CollectionStore(home));
        services.AddSingleton<UnusedContents>();
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
        services.AddSingleton<BaselineFitting>();
        services.AddSingleton<EvaluationQueue>();
        services.AddSingleton<CollectionBuilder>();
        services.AddSingleton<ShardPlacement>();
        services.AddSingleton<LiveCollections>();
        services.AddSingleton<CollectionProbe>();
        services.AddSingleton<QueryWork>();
        services.AddSingleton<SearchPreparation>();
        if (options.ResumesJobs) services.AddHostedService<JobKeeper>();
        return silo;
    }
}
