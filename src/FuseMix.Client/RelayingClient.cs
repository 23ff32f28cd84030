using FuseMix.Client.Grains;
using FuseMix.Contracts;
using FuseMix.Contracts.Catalog;
using FuseMix.Contracts.Cluster;
using FuseMix.Contracts.Collections;
using FuseMix.Contracts.Extraction;
using FuseMix.Contracts.Search;
using FuseMix.Contracts.Training;

namespace FuseMix.Client;

/// <summary>A client that passes every call on to another one, which may be another each time, and decides what is tried again. Files are
/// read and written in place.</summary>
public abstract class RelayingClient : IFuseMixClient
{
    private readonly IHomeFiles? _files;

    private protected RelayingClient(IHomeFiles? files) => _files = files;

    private IHomeFiles Files => GrainCalls.Require(_files);

    /// <inheritdoc/>
    public Task<ClusterStatus> Cluster(CancellationToken cancellationToken = default) =>
        Call(client => client.Cluster(cancellationToken), cancellationToken);

    /// <inheritdoc/>
    public Task<EncoderSummary[]> Encoders(CancellationToken cancellationToken = default) =>
        Call(client => client.Encoders(cancellationToken), cancellationToken);

    /// <inheritdoc/>
    public Task<DatasetSummary[]> Datasets(CancellationToken cancellationToken = default) =>
        Call(client => client.Datasets(cancellationToken), cancellationToken);

    /// <inheritdoc/>
    public Task<DatasetDetails> Dataset(string name, CancellationToken cancellationToken = default) =>
        Call(client => client.Dataset(name, cancellationToken), cancellationToken);

    /// <inheritdoc/>
    public Task<LatentSetSummary[]> LatentSets(CancellationToken cancellationToken = default) =>
        Call(client => client.LatentSets(cancellationToken), cancellationToken);

    /// <inheritdoc/>
    public Task<ModelSummary[]> Models(CancellationToken cancellationToken = default) =>
        Call(client => client.Models(cancellationToken), cancellationToken);

    /// <inheritdoc/>
    public Task<CollectionStatus[]> Collections(CancellationToken cancellationToken = default) =>
        Call(client => client.Collections(cancellationToken), cancellationToken);

    /// <inheritdoc/>
    public Task<SearchResponse> Search(SearchRequest request, CancellationToken cancellationToken = default) =>
        Call(client => client.Search(request, cancellationToken), cancellationToken);

    /// <inheritdoc/>
    public Task<ItemContent> Content(string collection, string itemId, CancellationToken cancellationToken = default) =>
        Call(client => client.Content(collection, itemId, cancellationToken), cancellationToken);

    /// <inheritdoc/>
    public Task<ExtractionStatus> StartExtraction(ExtractionRequest request, CancellationToken cancellationToken = default) =>
        Call(client => client.StartExtraction(request, cancellationToken), cancellationToken);

    /// <inheritdoc/>
    public Task<ExtractionStatus> Extraction(string dataset, string encoder, CancellationToken cancellationToken = default) =>
        Call(client => client.Extraction(dataset, encoder, cancellationToken), cancellationToken);

    /// <inheritdoc/>
    public Task<ExtractionStatus[]> Extractions(CancellationToken cancellationToken = default) =>
        Call(client => client.Extractions(cancellationToken), cancellationToken);

    /// <inheritdoc/>
    public IAsyncEnumerable<ExtractionStatus> WatchExtraction(
        string dataset, string encoder, CancellationToken cancellationToken = default) =>
        Watch(client => client.WatchExtraction(dataset, encoder, cancellationToken), status => status.State, cancellationToken);

    /// <inheritdoc/>
    public Task<ExtractionStatus> CancelExtraction(string dataset, string encoder, CancellationToken cancellationToken = default) =>
        Call(client => client.CancelExtraction(dataset, encoder, cancellationToken), cancellationToken);

    /// <inheritdoc/>
    public Task<TrainingStatus> SubmitTraining(TrainingRequest request, CancellationToken cancellationToken = default) =>
        Call(client => client.SubmitTraining(request, cancellationToken), cancellationToken);

    /// <inheritdoc/>
    public Task<TrainingStatus> Training(string jobId, CancellationToken cancellationToken = default) =>
        Call(client => client.Training(jobId, cancellationToken), cancellationToken);

    /// <inheritdoc/>
    public Task<TrainingPage> Trainings(int limit = 100, string? continuation = null, CancellationToken cancellationToken = default) =>
        Call(client => client.Trainings(limit, continuation, cancellationToken), cancellationToken);

    /// <inheritdoc/>
    public IAsyncEnumerable<TrainingStatus> WatchTraining(string jobId, CancellationToken cancellationToken = default) =>
        Watch(client => client.WatchTraining(jobId, cancellationToken), status => status.State, cancellationToken);

    /// <inheritdoc/>
    public Task<TrainingStatus> CancelTraining(string jobId, CancellationToken cancellationToken = default) =>
        Call(client => client.CancelTraining(jobId, cancellationToken), cancellationToken);

    /// <inheritdoc/>
    public Task<EvaluationReport> Evaluate(EvaluationRequest request, CancellationToken cancellationToken = default) =>
        Call(client => client.Evaluate(request, cancellationToken), cancellationToken);

    /// <inheritdoc/>
    public Task<string> FitBaseline(string model, string dataset, CancellationToken cancellationToken = default) =>
        Call(client => client.FitBaseline(model, dataset, cancellationToken), cancellationToken);

    /// <inheritdoc/>
    public Task<BuildStatus> StartBuild(string collection, CollectionBuild request, CancellationToken cancellationToken = default) =>
        Call(client => client.StartBuild(collection, request, cancellationToken), cancellationToken);

    /// <inheritdoc/>
    public Task<BuildStatus> Build(string collection, CancellationToken cancellationToken = default) =>
        Call(client => client.Build(collection, cancellationToken), cancellationToken);

    /// <inheritdoc/>
    public IAsyncEnumerable<BuildStatus> WatchBuild(string collection, CancellationToken cancellationToken = default) =>
        Watch(client => client.WatchBuild(collection, cancellationToken), status => status.State, cancellationToken);

    /// <inheritdoc/>
    public Task<BuildStatus> CancelBuild(string collection, CancellationToken cancellationToken = default) =>
        Call(client => client.CancelBuild(collection, cancellationToken), cancellationToken);

    /// <inheritdoc/>
    public Task<CollectionStatus> Collection(string name, CancellationToken cancellationToken = default) =>
        Call(client => client.Collection(name, cancellationToken), cancellationToken);

    /// <inheritdoc/>
    public Task<CollectionStatus> GoLive(string collection, string generation, CancellationToken cancellationToken = default) =>
        Call(client => client.GoLive(collection, generation, cancellationToken), cancellationToken);

    /// <inheritdoc/>
    public Task Drop(string collection, CancellationToken cancellationToken = default) => Call(
        async client =>
        {
            await client.Drop(collection, cancellationToken);
            return true;
        },
        cancellationToken);

    /// <inheritdoc/>
    public Task<EncoderSummary> PutEncoder(
        string name,
        string folder,
        bool replace = false,
        IProgress<UploadProgress>? progress = null,
        CancellationToken cancellationToken = default) =>
        Files.PutEncoder(name, folder, replace, cancellationToken);

    /// <inheritdoc/>
    public Task RemoveEncoder(string name, bool force = false, CancellationToken cancellationToken = default) =>
        Files.RemoveEncoder(name, force, cancellationToken);

    /// <inheritdoc/>
    public Task<DatasetSummary> PutDataset(
        string name, DatasetSource source, IProgress<UploadProgress>? progress = null, CancellationToken cancellationToken = default) =>
        Files.PutDataset(name, source, progress, cancellationToken);

    /// <inheritdoc/>
    public Task<DatasetSummary> RegisterDataset(string name, string folder, CancellationToken cancellationToken = default) =>
        Files.RegisterDataset(name, folder, cancellationToken);

    /// <inheritdoc/>
    public Task RemoveDataset(string name, bool force = false, CancellationToken cancellationToken = default) =>
        Files.RemoveDataset(name, force, cancellationToken);

    /// <summary>Makes a call that is safe to repeat.</summary>
    private protected abstract Task<T> Call<T>(Func<IFuseMixClient, Task<T>> call, CancellationToken cancellationToken);

    /// <summary>Follows a job to its end.</summary>
    private protected abstract IAsyncEnumerable<T> Watch<T>(
        Func<IFuseMixClient, IAsyncEnumerable<T>> watch, Func<T, JobState> state, CancellationToken cancellationToken)
        where T : class;
}
