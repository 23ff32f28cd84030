using System.Runtime.CompilerServices;
using FuseMix.Contracts;
using FuseMix.Contracts.Catalog;
using FuseMix.Contracts.Cluster;
using FuseMix.Contracts.Collections;
using FuseMix.Contracts.Extraction;
using FuseMix.Contracts.Jobs;
using FuseMix.Contracts.Search;
using FuseMix.Contracts.Training;
using Orleans;

namespace FuseMix.Client.Grains;

/// <summary>What each call of a client comes to in grains and files. Nothing is tried again, and failures come as they are: what is made of
/// them is for the caller, a <see cref="GrainFuseMixClient"/> or the HTTP API.</summary>
internal sealed class GrainCalls(IGrainFactory grains, IHomeFiles? files) : IFuseMixClient
{
    private ICatalogGrain Catalog => grains.GetGrain<ICatalogGrain>(0);

    private ITrainerGrain Trainer => grains.GetGrain<ITrainerGrain>(ITrainerGrain.Key);

    private IHomeFiles Files => Require(files);

    /// <summary>The files of the cluster.</summary>
    /// <exception cref="FuseMixException">This process does not have them.</exception>
    public static IHomeFiles Require(IHomeFiles? files) => files ?? throw new FuseMixException(
        FailureKind.Unavailable, "This client reaches only the grains, not the files of the cluster.", "Use an HttpFuseMixClient for it.");

    public Task<ClusterStatus> Cluster(CancellationToken cancellationToken = default) => grains.GetGrain<IClusterGrain>(0).Status();

    public Task<EncoderSummary[]> Encoders(CancellationToken cancellationToken = default) => Catalog.Encoders();

    public Task<DatasetSummary[]> Datasets(CancellationToken cancellationToken = default) => Catalog.Datasets();

    public Task<DatasetDetails> Dataset(string name, CancellationToken cancellationToken = default) =>
        Catalog.Dataset(ResourceName.Require(name, "dataset"));

    public Task<LatentSetSummary[]> LatentSets(CancellationToken cancellationToken = default) => Catalog.LatentSets();

    public Task<ModelSummary[]> Models(CancellationToken cancellationToken = default) => Catalog.Models();

    public async Task<CollectionStatus[]> Collections(CancellationToken cancellationToken = default) => await Live(await CollectionNames());

    /// <summary>Names of all collections, also of those in which nothing is live.</summary>
    public Task<string[]> CollectionNames() => Catalog.Collections();

    /// <summary>Fails where there is no such collection.</summary>
    public async Task RequireCollection(string name) => RequireKnown("collection", name, await CollectionNames());

    /// <summary>What these collections hold, but for those in which nothing is live.</summary>
    public async Task<CollectionStatus[]> Live(IEnumerable<string> names)
    {
        var all = await Task.WhenAll(names.Select(One));
        return [.. all.OfType<CollectionStatus>()];

        async Task<CollectionStatus?> One(string name)
        {
            try
            {
                return await Collection(name);
            }
            catch (FuseMixException none) when (none.Kind is FailureKind.NotFound or FailureKind.Conflict)
            {
                // Dropped meanwhile, or none of its generations is live.
                return null;
            }
        }
    }

    public Task<SearchResponse> Search(SearchRequest request, CancellationToken cancellationToken = default)
    {
        _ = ResourceName.Require(request.Collection, "collection");
        return grains.GetGrain<ISearchGrain>(0).Search(request, cancellationToken);
    }

    public async Task<ItemContent> Content(string collection, string itemId, CancellationToken cancellationToken = default)
    {
        var from = Files;
        return await from.Content((await Collection(collection, cancellationToken)).Dataset, itemId, cancellationToken);
    }

    public Task<ExtractionStatus> StartExtraction(ExtractionRequest request, CancellationToken cancellationToken = default) =>
        Job(request.Key).Start(request);

    public async Task<ExtractionStatus> Extraction(string dataset, string encoder, CancellationToken cancellationToken = default)
    {
        var status = await Job(dataset, encoder).Status();
        if (status.State != JobState.Unknown) return status;
        RequireKnown("dataset", dataset, (await Catalog.Datasets()).Select(known => known.Name));
        RequireKnown("encoder", encoder, (await Catalog.Encoders()).Select(known => known.Name));
        return status;
    }

    public async Task<ExtractionStatus[]> Extractions(CancellationToken cancellationToken = default) =>
        await Extractions(await ExtractionJobs());

    /// <summary>Every extraction, the one begun last first.</summary>
    public Task<JobReference[]> ExtractionJobs() => grains.GetGrain<IJobListGrain>(IJobListGrain.Key).List(JobKind.Extraction);

    /// <summary>Where these extractions stand.</summary>
    public Task<ExtractionStatus[]> Extractions(IEnumerable<JobReference> jobs) => Task.WhenAll(jobs.Select(job => Job(job.Key).Status()));

    public IAsyncEnumerable<ExtractionStatus> WatchExtraction(
        string dataset, string encoder, CancellationToken cancellationToken = default) =>
        Watch(() => Extraction(dataset, encoder, cancellationToken), stop => Job(dataset, encoder).Watch(stop), cancellationToken);

    public async Task<ExtractionStatus> CancelExtraction(string dataset, string encoder, CancellationToken cancellationToken = default)
    {
        _ = await Extraction(dataset, encoder, cancellationToken);
        return await Job(dataset, encoder).Cancel();
    }

    public Task<TrainingStatus> SubmitTraining(TrainingRequest request, CancellationToken cancellationToken = default) =>
        Trainer.Submit(request);

    public Task<TrainingStatus> Training(string jobId, CancellationToken cancellationToken = default) => Trainer.Status(jobId);

    public Task<TrainingPage> Trainings(int limit = 100, string? continuation = null, CancellationToken cancellationToken = default) =>
        Trainer.List(limit, continuation);

    public IAsyncEnumerable<TrainingStatus> WatchTraining(string jobId, CancellationToken cancellationToken = default) =>
        Watch(() => Training(jobId, cancellationToken), stop => Trainer.Watch(jobId, stop), cancellationToken);

    public Task<TrainingStatus> CancelTraining(string jobId, CancellationToken cancellationToken = default) => Trainer.Cancel(jobId);

    public Task<EvaluationReport> Evaluate(EvaluationRequest request, CancellationToken cancellationToken = default)
    {
        _ = (ResourceName.Require(request.Model, "fusion model"), ResourceName.Require(request.Dataset, "dataset"));
        return grains.GetGrain<IEvaluationGrain>(request.Model).Evaluate(request, cancellationToken).WaitAsync(cancellationToken);
    }

    public Task<string> FitBaseline(string model, string dataset, CancellationToken cancellationToken = default)
    {
        _ = (ResourceName.Require(model, "fusion model"), ResourceName.Require(dataset, "dataset"));
        return grains.GetGrain<IEvaluationGrain>(dataset).FitBaseline(model, dataset, cancellationToken).WaitAsync(cancellationToken);
    }

    public Task<BuildStatus> StartBuild(string collection, CollectionBuild request, CancellationToken cancellationToken = default) =>
        Grain(collection).StartBuild(request);

    public async Task<BuildStatus> Build(string collection, CancellationToken cancellationToken = default)
    {
        var status = await Grain(collection).BuildStatus();
        if (status.State == JobState.Unknown) await RequireCollection(collection);
        return status;
    }

    public IAsyncEnumerable<BuildStatus> WatchBuild(string collection, CancellationToken cancellationToken = default) =>
        Watch(() => Build(collection, cancellationToken), stop => Grain(collection).WatchBuild(stop), cancellationToken);

    public async Task<BuildStatus> CancelBuild(string collection, CancellationToken cancellationToken = default)
    {
        _ = await Build(collection, cancellationToken);
        return await Grain(collection).CancelBuild();
    }

    public Task<CollectionStatus> Collection(string name, CancellationToken cancellationToken = default) => Grain(name).Status();

    public Task<CollectionStatus> GoLive(string collection, string generation, CancellationToken cancellationToken = default) =>
        Grain(collection).GoLive(ResourceName.Require(generation, "generation"));

    public Task Drop(string collection, CancellationToken cancellationToken = default) => Grain(collection).Drop();

    public Task<EncoderSummary> PutEncoder(
        string name,
        string folder,
        bool replace = false,
        IProgress<UploadProgress>? progress = null,
        CancellationToken cancellationToken = default) =>
        Files.PutEncoder(name, folder, replace, cancellationToken);

    public Task RemoveEncoder(string name, bool force = false, CancellationToken cancellationToken = default) =>
        Files.RemoveEncoder(ResourceName.Require(name, "encoder"), force, cancellationToken);

    public Task<DatasetSummary> PutDataset(
        string name, DatasetSource source, IProgress<UploadProgress>? progress = null, CancellationToken cancellationToken = default) =>
        Files.PutDataset(name, source, progress, cancellationToken);

    public Task<DatasetSummary> RegisterDataset(string name, string folder, CancellationToken cancellationToken = default) =>
        Files.RegisterDataset(name, folder, cancellationToken);

    public Task RemoveDataset(string name, bool force = false, CancellationToken cancellationToken = default) =>
        Files.RemoveDataset(ResourceName.Require(name, "dataset"), force, cancellationToken);

    /// <summary>Names that are wrong are said before anybody waits.</summary>
    private static async IAsyncEnumerable<T> Watch<T>(
        Func<Task<T>> look,
        Func<CancellationToken, IAsyncEnumerable<T>> watch,
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        _ = await look();
        await foreach (var status in watch(cancellationToken).WithCancellation(cancellationToken)) yield return status;
    }

    private static void RequireKnown(string what, string name, IEnumerable<string> known)
    {
        string[] all = [.. known];
        if (!all.Contains(name)) throw FuseMixException.UnknownName(what, name, all);
    }

    private IExtractionJobGrain Job(string dataset, string encoder) => Job(new ExtractionRequest(dataset, encoder).Key);

    private IExtractionJobGrain Job(string key) => grains.GetGrain<IExtractionJobGrain>(key);

    private ICollectionGrain Grain(string collection) => grains.GetGrain<ICollectionGrain>(ResourceName.Require(collection, "collection"));
}
