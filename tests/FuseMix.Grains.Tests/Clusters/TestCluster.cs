using FuseMix.Contracts;
using FuseMix.Contracts.Catalog;
using FuseMix.Contracts.Cluster;
using FuseMix.Contracts.Collections;
using FuseMix.Contracts.Extraction;
using FuseMix.Contracts.Search;
using FuseMix.Contracts.Training;
using FuseMix.Grains.Cluster;
using FuseMix.Grains.Hosting;
using FuseMix.Grains.State;
using FuseMix.Hosting.Sqlite;
using FuseMix.Testing.Clusters;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Orleans;
using Orleans.Hosting;

namespace FuseMix.Grains.Tests.Clusters;

/// <summary>A cluster of nodes over one home folder, as a user would have it: the grains' state in SQLite, their data in files.</summary>
internal sealed class TestCluster : IAsyncDisposable
{
    /// <summary>A node that does everything.</summary>
    public const string Everything = "gateway+extract+train+index@one";

    private readonly RuntimeCluster _cluster;

    private TestCluster(TestHome home, TimeProvider? clock, Action<NodeOptions>? options, Action<ISiloBuilder, NodeName>? configure)
    {
        Home = home;
        _cluster = new RuntimeCluster(
            (silo, siloName) =>
            {
                var name = NodeName.Parse(siloName);
                var node = new NodeOptions
                {
                    Name = name.Name,
                    Roles = name.Roles,
                    Accelerators = name.Accelerators,
                    Threads = name.Slots,
                    ItemsPerShard = 8,
                    CheckpointSteps = 3,
                    BalanceEvery = TimeSpan.FromMilliseconds(100),
                };
                options?.Invoke(node);
                if (clock is not null) silo.Services.AddSingleton(clock);
                silo.ConfigureLogging(logging => logging.AddProvider(Log).AddFilter<LogBook>(nameof(FuseMix), LogLevel.Trace));
                silo.AddSqliteGrainStorage(GrainStorage.Name, Path.Combine(home.Home.State, "grains.db"));
                silo.AddFuseMixGrains(home.Home, node);
                configure?.Invoke(silo, name);
            },
            Patience.Long);
    }

    public TestHome Home { get; }

    public LogBook Log { get; } = new();

    public IGrainFactory Grains => _cluster.Client;

    /// <summary>Where a node's own code gets grains: its calls enter by no other node.</summary>
    public IGrainFactory GrainsOf(string node) => _cluster.ServicesOf(node).GetRequiredService<IGrainFactory>();

    public ITrainerGrain Trainer => Grains.GetGrain<ITrainerGrain>(ITrainerGrain.Key);

    public ICatalogGrain Catalog => Grains.GetGrain<ICatalogGrain>(0);

    public IClusterGrain Nodes => Grains.GetGrain<IClusterGrain>(0);

    /// <param name="home">The shared storage.</param>
    /// <param name="nodes">Names with roles and, where there are more than one, slots, e.g. "extract:2+index@left".</param>
    /// <param name="clock">The nodes' clock; null for the real one.</param>
    /// <param name="options">Changes each node's options.</param>
    /// <param name="configure">Changes each node's services, after the grains' own.</param>
    public static async Task<TestCluster> StartAsync(
        TestHome home,
        string[] nodes,
        TimeProvider? clock = null,
        Action<NodeOptions>? options = null,
        Action<ISiloBuilder, NodeName>? configure = null)
    {
        var cluster = new TestCluster(home, clock, options, configure);
        foreach (var node in nodes) await cluster.AddAsync(node);
        return cluster;
    }

    public static Task<TestCluster> StartAsync(TestHome home) => StartAsync(home, [Everything]);

    public IExtractionJobGrain Extraction(string encoder, string dataset = TestHome.Dataset) =>
        Grains.GetGrain<IExtractionJobGrain>($"{dataset}/{encoder}");

    public Task<ExtractionStatus> Start(string encoder, string dataset = TestHome.Dataset) =>
        Extraction(encoder, dataset).Start(new ExtractionRequest(dataset, encoder));

    /// <summary>Starts an extraction and waits for its end.</summary>
    public async Task<ExtractionStatus> Extract(string encoder, string dataset = TestHome.Dataset)
    {
        await Start(encoder, dataset);
        return (await Patience.Read(Extraction(encoder, dataset).Watch()))[^1];
    }

    public async Task<TrainingStatus> EndOf(string jobId) => (await Patience.Read(Trainer.Watch(jobId)))[^1];

    /// <summary>Trains a model and waits for it.</summary>
    public async Task<TrainingStatus> Train(TrainingRequest request)
    {
        await Trainer.Submit(request);
        return await EndOf(request.JobId);
    }

    public IEvaluationGrain Evaluation(string key) => Grains.GetGrain<IEvaluationGrain>(key);

    public Task<EvaluationReport> Evaluate(EvaluationRequest request) => Evaluation(request.Model).Evaluate(request);

    /// <summary>Every training job, page by page.</summary>
    public async Task<TrainingStatus[]> Trainings()
    {
        var page = await Trainer.List();
        List<TrainingStatus> all = [.. page.Trainings];
        while (page.Next is not null) all.AddRange((page = await Trainer.List(continuation: page.Next)).Trainings);
        return [.. all];
    }

    public ICollectionGrain Collection(string name) => Grains.GetGrain<ICollectionGrain>(name);

    /// <summary>Builds a collection, waits for it, and says what it holds.</summary>
    public async Task<CollectionStatus> Build(string name, CollectionBuild request)
    {
        await Collection(name).StartBuild(request);
        return await EndOfBuild(name);
    }

    public async Task<CollectionStatus> EndOfBuild(string name)
    {
        var end = (await Patience.Read(Collection(name).WatchBuild()))[^1];
        return end.State == JobState.Completed
            ? await Collection(name).Status()
            : throw new InvalidOperationException($"The build of '{name}' ended so: {end}");
    }

    public Task<SearchResponse> Search(SearchRequest request, CancellationToken cancellationToken = default) =>
        Grains.GetGrain<ISearchGrain>(0).Search(request, cancellationToken);

    public Task AddAsync(string node) => _cluster.AddNodeAsync(node);

    /// <summary>Stops a node in order.</summary>
    public Task StopAsync(string node) => _cluster.StopNodeAsync(node);

    /// <summary>Ends a node as if the power went.</summary>
    public Task KillAsync(string node) => _cluster.KillNodeAsync(node);

    public ValueTask DisposeAsync() => _cluster.DisposeAsync();
}
