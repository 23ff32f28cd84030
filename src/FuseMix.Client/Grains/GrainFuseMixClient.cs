using FuseMix.Client.Jobs;
using FuseMix.Contracts;
using FuseMix.Contracts.Catalog;
using FuseMix.Contracts.Cluster;
using FuseMix.Contracts.Collections;
using FuseMix.Contracts.Extraction;
using FuseMix.Contracts.Jobs;
using FuseMix.Contracts.Search;
using FuseMix.Contracts.Training;
using Orleans;
using Orleans.Runtime;

namespace FuseMix.Client;

/// <summary>A client that calls the grains: in the process of a node, or from an Orleans client.</summary>
/// <remarks>An Orleans client needs <c>ExceptionSerializationOptions.SupportedNamespacePrefixes</c> to hold "FuseMix", as nodes have it; else
/// failures arrive without their kind and remedy.</remarks>
public sealed class GrainFuseMixClient : IFuseMixClient
{
    private static readonly TimeSpan RetryFor = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan RewatchFor = TimeSpan.FromMinutes(2);

    private readonly Func<CancellationToken, Task<IGrainFactory>> _connect;
    private readonly IHomeFiles? _files;
    private readonly TimeProvider _clock;

    /// <summary>A client of a cluster.</summary>
    /// <param name="grains">Where to get grains.</param>
    /// <param name="files">The files of the cluster's home folder, where this process has it; without them, uploads, removals and the content of
    /// items are <see cref="FailureKind.Unavailable"/>.</param>
    public GrainFuseMixClient(IGrainFactory grains, IHomeFiles? files = null)
        : this(_ => Task.FromResult(grains), files)
    {
    }

    /// <summary>A client of a cluster that is joined, or started, by the first call that needs it.</summary>
    /// <param name="connect">Gives the grains; called for every call.</param>
    /// <param name="files">As above.</param>
    /// <param name="clock">Times the pauses before what is tried again; null for the real clock.</param>
    public GrainFuseMixClient(Func<CancellationToken, Task<IGrainFactory>> connect, IHomeFiles? files = null, TimeProvider? clock = null)
    {
        (_connect, _files, _clock) = (connect, files, clock ?? TimeProvider.System);
    }

    private IHomeFiles Files => _files ?? throw new FuseMixException(
        FailureKind.Unavailable, "This client reaches only the grains, not the files of the cluster.", "Use an HttpFuseMixClient for it.");

    /// <inheritdoc/>
    public Task<ClusterStatus> Cluster(CancellationToken cancellationToken = default) =>
        Call(grains => grains.GetGrain<IClusterGrain>(0).Status(), cancellationToken);

    /// <inheritdoc/>
    public Task<EncoderSummary[]> Encoders(CancellationToken cancellationToken = default) => Call(grains => Catalog(grains).Encoders(), cancellationToken);

    /// <inheritdoc/>
    public Task<DatasetSummary[]> Datasets(CancellationToken cancellationToken = default) => Call(grains => Catalog(grains).Datasets(), cancellationToken);

    /// <inheritdoc/>
    public Task<DatasetDetails> Dataset(string name, CancellationToken cancellationToken = default) =>
        Call(grains => Catalog(grains).Dataset(name), cancellationToken);

    /// <inheritdoc/>
    public Task<LatentSetSummary[]> LatentSets(CancellationToken cancellationToken = default) =>
        Call(grains => Catalog(grains).LatentSets(), cancellationToken);

    /// <inheritdoc/>
    public Task<ModelSummary[]> Models(CancellationToken cancellationToken = default) => Call(grains => Catalog(grains).Models(), cancellationToken);

    /// <inheritdoc/>
    public async Task<CollectionStatus[]> Collections(CancellationToken cancellationToken = default)
    {
        var names = await Call(grains => Catalog(grains).Collections(), cancellationToken);
        var all = await Task.WhenAll(names.Select(Live));
        return [.. all.OfType<CollectionStatus>()];

        async Task<CollectionStatus?> Live(string name)
        {
            try
            {
                return await Collection(name, cancellationToken);
            }
            catch (FuseMixException none) when (none.Kind is FailureKind.NotFound or FailureKind.Conflict)
            {
                // Dropped meanwhile, or nothing of it is live yet.
                return null;
            }
        }
    }

    /// <inheritdoc/>
    public Task<SearchResponse> Search(SearchRequest request, CancellationToken cancellationToken = default) =>
        Call(
            grains =>
            {
                _ = ResourceName.Require(request.Collection, "collection");
                return grains.GetGrain<ISearchGrain>(0).Search(request, cancellationToken);
            },
            cancellationToken);

    /// <inheritdoc/>
    public async Task<ItemContent> Content(string collection, string itemId, CancellationToken cancellationToken = default)
    {
        var files = Files;
        return await files.Content((await Collection(collection, cancellationToken)).Dataset, itemId, cancellationToken);
    }

    /// <inheritdoc/>
    public Task<ExtractionStatus> StartExtraction(ExtractionRequest request, CancellationToken cancellationToken = default) =>
        Call(grains => grains.GetGrain<IExtractionJobGrain>(request.Key).Start(request), cancellationToken);

    /// <inheritdoc/>
    public async Task<ExtractionStatus> Extraction(string dataset, string encoder, CancellationToken cancellationToken = default)
    {
        var status = await Call(grains => Job(grains, dataset, encoder).Status(), cancellationToken);
        if (status.State != JobState.Unknown) return status;
        RequireKnown("dataset", dataset, (await Datasets(cancellationToken)).Select(known => known.Name));
        RequireKnown("encoder", encoder, (await Encoders(cancellationToken)).Select(known => known.Name));
        return status;
    }

    /// <inheritdoc/>
    public async Task<ExtractionStatus[]> Extractions(CancellationToken cancellationToken = default)
    {
        var jobs = await Call(grains => grains.GetGrain<IJobListGrain>(IJobListGrain.Key).List(JobKind.Extraction), cancellationToken);
        return await Task.WhenAll(jobs.Select(job => Call(grains => grains.GetGrain<IExtractionJobGrain>(job.Key).Status(), cancellationToken)));
    }

    /// <inheritdoc/>
    public IAsyncEnumerable<ExtractionStatus> WatchExtraction(string dataset, string encoder, CancellationToken cancellationToken = default) => Watch(
        () => Extraction(dataset, encoder, cancellationToken),
        grains => Job(grains, dataset, encoder).Watch(cancellationToken),
        status => status.State,
        cancellationToken);

    /// <inheritdoc/>
    public async Task<ExtractionStatus> CancelExtraction(string dataset, string encoder, CancellationToken cancellationToken = default)
    {
        _ = await Extraction(dataset, encoder, cancellationToken);
        return await Call(grains => Job(grains, dataset, encoder).Cancel(), cancellationToken);
    }

    /// <inheritdoc/>
    public Task<TrainingStatus> SubmitTraining(TrainingRequest request, CancellationToken cancellationToken = default) =>
        Call(grains => Trainer(grains).Submit(request), cancellationToken);

    /// <inheritdoc/>
    public Task<TrainingStatus> Training(string jobId, CancellationToken cancellationToken = default) =>
        Call(grains => Trainer(grains).Status(jobId), cancellationToken);

    /// <inheritdoc/>
    public Task<TrainingPage> Trainings(int limit = 100, string? continuation = null, CancellationToken cancellationToken = default) =>
        Call(grains => Trainer(grains).List(limit, continuation), cancellationToken);

    /// <inheritdoc/>
    public IAsyncEnumerable<TrainingStatus> WatchTraining(string jobId, CancellationToken cancellationToken = default) => Watch(
        () => Training(jobId, cancellationToken),
        grains => Trainer(grains).Watch(jobId, cancellationToken),
        status => status.State,
        cancellationToken);

    /// <inheritdoc/>
    public Task<TrainingStatus> CancelTraining(string jobId, CancellationToken cancellationToken = default) =>
        Call(grains => Trainer(grains).Cancel(jobId), cancellationToken);

    /// <inheritdoc/>
    public Task<EvaluationReport> Evaluate(EvaluationRequest request, CancellationToken cancellationToken = default) =>
        Call(grains => grains.GetGrain<IEvaluationGrain>(request.Model).Evaluate(request, cancellationToken), cancellationToken);

    /// <inheritdoc/>
    public Task<string> FitBaseline(string model, string dataset, CancellationToken cancellationToken = default) =>
        Call(grains => grains.GetGrain<IEvaluationGrain>(dataset).FitBaseline(model, dataset, cancellationToken), cancellationToken);

    /// <inheritdoc/>
    public Task<BuildStatus> StartBuild(string collection, CollectionBuild request, CancellationToken cancellationToken = default) =>
        Call(grains => Grain(grains, collection).StartBuild(request), cancellationToken);

    /// <inheritdoc/>
    public async Task<BuildStatus> Build(string collection, CancellationToken cancellationToken = default)
    {
        var status = await Call(grains => Grain(grains, collection).BuildStatus(), cancellationToken);
        if (status.State == JobState.Unknown) RequireKnown("collection", collection, await Call(grains => Catalog(grains).Collections(), cancellationToken));
        return status;
    }

    /// <inheritdoc/>
    public IAsyncEnumerable<BuildStatus> WatchBuild(string collection, CancellationToken cancellationToken = default) => Watch(
        () => Build(collection, cancellationToken),
        grains => Grain(grains, collection).WatchBuild(cancellationToken),
        status => status.State,
        cancellationToken);

    /// <inheritdoc/>
    public async Task<BuildStatus> CancelBuild(string collection, CancellationToken cancellationToken = default)
    {
        _ = await Build(collection, cancellationToken);
        return await Call(grains => Grain(grains, collection).CancelBuild(), cancellationToken);
    }

    /// <inheritdoc/>
    public Task<CollectionStatus> Collection(string name, CancellationToken cancellationToken = default) =>
        Call(grains => Grain(grains, name).Status(), cancellationToken);

    /// <inheritdoc/>
    public Task<CollectionStatus> GoLive(string collection, string generation, CancellationToken cancellationToken = default) =>
        Call(grains => Grain(grains, collection).GoLive(generation), cancellationToken);

    /// <inheritdoc/>
    public Task Drop(string collection, CancellationToken cancellationToken = default) => Call(
        async grains =>
        {
            await Grain(grains, collection).Drop();
            return collection;
        },
        cancellationToken);

    /// <inheritdoc/>
    public Task<EncoderSummary> PutEncoder(
        string name, string folder, bool replace = false, IProgress<UploadProgress>? progress = null, CancellationToken cancellationToken = default) =>
        Files.PutEncoder(name, folder, replace, cancellationToken);

    /// <inheritdoc/>
    public Task RemoveEncoder(string name, CancellationToken cancellationToken = default) => Files.RemoveEncoder(name, cancellationToken);

    /// <inheritdoc/>
    public Task<DatasetSummary> PutDataset(
        string name, DatasetSource source, IProgress<UploadProgress>? progress = null, CancellationToken cancellationToken = default) =>
        Files.PutDataset(name, source, progress, cancellationToken);

    /// <inheritdoc/>
    public Task<DatasetSummary> RegisterDataset(string name, string folder, CancellationToken cancellationToken = default) =>
        Files.RegisterDataset(name, folder, cancellationToken);

    /// <inheritdoc/>
    public Task RemoveDataset(string name, CancellationToken cancellationToken = default) => Files.RemoveDataset(name, cancellationToken);

    private static ICatalogGrain Catalog(IGrainFactory grains) => grains.GetGrain<ICatalogGrain>(0);

    private static IExtractionJobGrain Job(IGrainFactory grains, string dataset, string encoder) =>
        grains.GetGrain<IExtractionJobGrain>(new ExtractionRequest(dataset, encoder).Key);

    private static ITrainerGrain Trainer(IGrainFactory grains) => grains.GetGrain<ITrainerGrain>(ITrainerGrain.Key);

    private static void RequireKnown(string what, string name, IEnumerable<string> known)
    {
        string[] all = [.. known];
        if (!all.Contains(name)) throw FuseMixException.UnknownName(what, name, all);
    }

    private static ICollectionGrain Grain(IGrainFactory grains, string collection) =>
        grains.GetGrain<ICollectionGrain>(ResourceName.Require(collection, "collection"));

    /// <summary>Calls a grain. A call whose node went away is made again: every command is safe to repeat.</summary>
    private async Task<T> Call<T>(Func<IGrainFactory, Task<T>> call, CancellationToken cancellationToken)
    {
        var retries = new Retries(_clock, RetryFor);
        while (true)
        {
            try
            {
                var grains = await _connect(cancellationToken);
                return await call(grains).WaitAsync(cancellationToken);
            }
            catch (Exception error) when (error is not FuseMixException && !cancellationToken.IsCancellationRequested)
            {
                // Silence is not tried again: whoever waited that long for nothing should know now.
                if (!IsGone(error) || error is TimeoutException || !await retries.Next(null, cancellationToken)) throw Meaning(error);
            }
        }
    }

    private IAsyncEnumerable<T> Watch<T>(
        Func<Task<T>> look, Func<IGrainFactory, IAsyncEnumerable<T>> watch, Func<T, JobState> state, CancellationToken cancellationToken)
        where T : class
    {
        return JobWatch.Follow(Open, state, IsBroken, Meaning, new Retries(_clock, RewatchFor), cancellationToken);

        async IAsyncEnumerable<T> Open()
        {
            // Names that are wrong are said before anybody waits.
            _ = await look();
            var grains = await _connect(cancellationToken);
            await foreach (var status in watch(grains).WithCancellation(cancellationToken)) yield return status;
        }
    }

    private static bool IsBroken(Exception error) => IsGone(error) || error is FuseMixException { Kind: FailureKind.Unavailable };

    /// <summary>Whether a failure only says that a node went away, where another one takes its place.</summary>
    private static bool IsGone(Exception error) =>
        error is OrleansException or EnumerationAbortedException or TimeoutException or OperationCanceledException;

    private static FuseMixException Meaning(Exception error) => error switch
    {
        FuseMixException known => known,
        TimeoutException => new FuseMixException(
            FailureKind.Unavailable,
            "The cluster did not answer in time.",
            "What it was doing may still finish: its status tells. The same call is safe to repeat.",
            error),
        _ when IsGone(error) => new FuseMixException(
            FailureKind.Unavailable,
            $"The cluster cannot be reached: {error.Message}",
            "Try again in a few seconds: when a node dies, another one takes its work over.",
            error),
        _ => new FuseMixException(
            FailureKind.Internal, $"The cluster failed unexpectedly: {error.Message}", "Its log tells more; please report it.", error),
    };
}
