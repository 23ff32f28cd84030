using FuseMix.Client;
using FuseMix.Client.Jobs;
using FuseMix.Contracts;
using FuseMix.Contracts.Catalog;
using FuseMix.Contracts.Cluster;
using FuseMix.Contracts.Collections;
using FuseMix.Contracts.Extraction;
using FuseMix.Contracts.Search;
using FuseMix.Contracts.Training;

namespace FuseMix.Cli.Session;

/// <summary>A client of a home folder, whose node may be another one at each call. Files are read and written in place, whoever runs the node.</summary>
internal sealed class HomeClient(HomeCluster cluster, IHomeFiles files, TimeProvider clock) : IFuseMixClient
{
    /// <summary>How long a node that is there may fail to answer, or be too busy.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    public Task<ClusterStatus> Cluster(CancellationToken cancellationToken = default) => Call(client => client.Cluster(cancellationToken), cancellationToken);

    public Task<EncoderSummary[]> Encoders(CancellationToken cancellationToken = default) => Call(client => client.Encoders(cancellationToken), cancellationToken);

    public Task<DatasetSummary[]> Datasets(CancellationToken cancellationToken = default) => Call(client => client.Datasets(cancellationToken), cancellationToken);

    public Task<DatasetDetails> Dataset(string name, CancellationToken cancellationToken = default) =>
        Call(client => client.Dataset(name, cancellationToken), cancellationToken);

    public Task<LatentSetSummary[]> LatentSets(CancellationToken cancellationToken = default) => Call(client => client.LatentSets(cancellationToken), cancellationToken);

    public Task<ModelSummary[]> Models(CancellationToken cancellationToken = default) => Call(client => client.Models(cancellationToken), cancellationToken);

    public Task<CollectionStatus[]> Collections(CancellationToken cancellationToken = default) =>
        Call(client => client.Collections(cancellationToken), cancellationToken);

    public Task<SearchResponse> Search(SearchRequest request, CancellationToken cancellationToken = default) =>
        Call(client => client.Search(request, cancellationToken), cancellationToken);

    public Task<ItemContent> Content(string collection, string itemId, CancellationToken cancellationToken = default) =>
        Call(client => client.Content(collection, itemId, cancellationToken), cancellationToken);

    public Task<ExtractionStatus> StartExtraction(ExtractionRequest request, CancellationToken cancellationToken = default) =>
        Call(client => client.StartExtraction(request, cancellationToken), cancellationToken);

    public Task<ExtractionStatus> Extraction(string dataset, string encoder, CancellationToken cancellationToken = default) =>
        Call(client => client.Extraction(dataset, encoder, cancellationToken), cancellationToken);

    public Task<ExtractionStatus[]> Extractions(CancellationToken cancellationToken = default) =>
        Call(client => client.Extractions(cancellationToken), cancellationToken);

    public IAsyncEnumerable<ExtractionStatus> WatchExtraction(string dataset, string encoder, CancellationToken cancellationToken = default) =>
        Watch(client => client.WatchExtraction(dataset, encoder, cancellationToken), status => status.State, cancellationToken);

    public Task<ExtractionStatus> CancelExtraction(string dataset, string encoder, CancellationToken cancellationToken = default) =>
        Call(client => client.CancelExtraction(dataset, encoder, cancellationToken), cancellationToken);

    public Task<TrainingStatus> SubmitTraining(TrainingRequest request, CancellationToken cancellationToken = default) =>
        Call(client => client.SubmitTraining(request, cancellationToken), cancellationToken);

    public Task<TrainingStatus> Training(string jobId, CancellationToken cancellationToken = default) =>
        Call(client => client.Training(jobId, cancellationToken), cancellationToken);

    public Task<TrainingPage> Trainings(int limit = 100, string? continuation = null, CancellationToken cancellationToken = default) =>
        Call(client => client.Trainings(limit, continuation, cancellationToken), cancellationToken);

    public IAsyncEnumerable<TrainingStatus> WatchTraining(string jobId, CancellationToken cancellationToken = default) =>
        Watch(client => client.WatchTraining(jobId, cancellationToken), status => status.State, cancellationToken);

    public Task<TrainingStatus> CancelTraining(string jobId, CancellationToken cancellationToken = default) =>
        Call(client => client.CancelTraining(jobId, cancellationToken), cancellationToken);

    public Task<EvaluationReport> Evaluate(EvaluationRequest request, CancellationToken cancellationToken = default) =>
        Call(client => client.Evaluate(request, cancellationToken), cancellationToken);

    public Task<string> FitBaseline(string model, string dataset, CancellationToken cancellationToken = default) =>
        Call(client => client.FitBaseline(model, dataset, cancellationToken), cancellationToken);

    public Task<BuildStatus> StartBuild(string collection, CollectionBuild request, CancellationToken cancellationToken = default) =>
        Call(client => client.StartBuild(collection, request, cancellationToken), cancellationToken);

    public Task<BuildStatus> Build(string collection, CancellationToken cancellationToken = default) =>
        Call(client => client.Build(collection, cancellationToken), cancellationToken);

    public IAsyncEnumerable<BuildStatus> WatchBuild(string collection, CancellationToken cancellationToken = default) =>
        Watch(client => client.WatchBuild(collection, cancellationToken), status => status.State, cancellationToken);

    public Task<BuildStatus> CancelBuild(string collection, CancellationToken cancellationToken = default) =>
        Call(client => client.CancelBuild(collection, cancellationToken), cancellationToken);

    public Task<CollectionStatus> Collection(string name, CancellationToken cancellationToken = default) =>
        Call(client => client.Collection(name, cancellationToken), cancellationToken);

    public Task<CollectionStatus> GoLive(string collection, string generation, CancellationToken cancellationToken = default) =>
        Call(client => client.GoLive(collection, generation, cancellationToken), cancellationToken);

    public Task Drop(string collection, CancellationToken cancellationToken = default) => Call(
        async client =>
        {
            await client.Drop(collection, cancellationToken);
            return true;
        },
        cancellationToken);

    public Task<EncoderSummary> PutEncoder(
        string name, string folder, bool replace = false, IProgress<UploadProgress>? progress = null, CancellationToken cancellationToken = default) =>
        files.PutEncoder(name, folder, replace, cancellationToken);

    public Task RemoveEncoder(string name, CancellationToken cancellationToken = default) => files.RemoveEncoder(name, cancellationToken);

    public Task<DatasetSummary> PutDataset(
        string name, DatasetSource source, IProgress<UploadProgress>? progress = null, CancellationToken cancellationToken = default) =>
        files.PutDataset(name, source, progress, cancellationToken);

    public Task<DatasetSummary> RegisterDataset(string name, string folder, CancellationToken cancellationToken = default) =>
        files.RegisterDataset(name, folder, cancellationToken);

    public Task RemoveDataset(string name, CancellationToken cancellationToken = default) => files.RemoveDataset(name, cancellationToken);

    /// <summary>Calls the node, and the one that takes its place where it ends before it has answered: every call is safe to repeat.</summary>
    private async Task<T> Call<T>(Func<IFuseMixClient, Task<T>> call, CancellationToken cancellationToken)
    {
        var retries = new Retries(clock, Patience);
        while (true)
        {
            var client = await cluster.Connect(cancellationToken);
            try
            {
                return await call(client);
            }
            catch (FuseMixException failure) when (failure.Kind == FailureKind.Unavailable && cluster.Host is not null)
            {
                if (cluster.Found is null) continue;
                if (!await retries.Next(null, cancellationToken)) throw Meaning(failure);
            }
        }
    }

    private IAsyncEnumerable<T> Watch<T>(Func<IFuseMixClient, IAsyncEnumerable<T>> watch, Func<T, JobState> state, CancellationToken cancellationToken)
        where T : class
    {
        return JobWatch.Follow(
            Open, state, error => error is FuseMixException { Kind: FailureKind.Unavailable } && cluster.Host is not null, Meaning, new Retries(clock, Patience), cancellationToken);

        async IAsyncEnumerable<T> Open()
        {
            var client = await cluster.Connect(cancellationToken);
            await foreach (var status in watch(client).WithCancellation(cancellationToken)) yield return status;
        }
    }

    private FuseMixException Meaning(Exception error)
    {
        if (error is not FuseMixException failure) return new FuseMixException(FailureKind.Internal, $"The cluster failed unexpectedly: {error.Message}", "Please report it.", error);

        // What the node says itself is for itself; where it says nothing, the user should know whom to look for.
        return failure is { Kind: FailureKind.Unavailable, InnerException: not null } && cluster.Found is { } node
            ? new FuseMixException(
                FailureKind.Unavailable,
                $"{node.Process} has the home folder, but its node does not answer: {failure.Message}",
                $"Wait until it does, or stop it (kill {node.ProcessId}), then run the same command again.",
                failure)
            : failure;
    }
}
