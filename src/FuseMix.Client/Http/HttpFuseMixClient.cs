using System.Globalization;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using FuseMix.Client.Http;
using FuseMix.Client.Jobs;
using FuseMix.Contracts;
using FuseMix.Contracts.Catalog;
using FuseMix.Core.Files;
using FuseMix.Contracts.Cluster;
using FuseMix.Contracts.Collections;
using FuseMix.Contracts.Extraction;
using FuseMix.Contracts.Http;
using FuseMix.Contracts.Search;
using FuseMix.Contracts.Training;

namespace FuseMix.Client;

/// <summary>A client that calls the HTTP API of a cluster.</summary>
/// <remarks>What is safe to repeat, which is all but the removal of an encoder or a dataset, is tried again where the cluster cannot be
/// reached or says that it is busy, as long as <see cref="HttpFuseMixClientOptions.RetryFor"/> allows.</remarks>
public sealed class HttpFuseMixClient : IFuseMixClient, IDisposable
{
    /// <summary>For calls in which the cluster computes for long.</summary>
    private static readonly TimeSpan LongWork = TimeSpan.FromMinutes(10);

    /// <summary>For calls that take as long as the line is slow.</summary>
    private static readonly TimeSpan NoLimit = System.Threading.Timeout.InfiniteTimeSpan;

    private readonly ApiConnection _api;
    private readonly HttpClient? _own;

    /// <summary>A client with connections of its own.</summary>
    /// <exception cref="FuseMixException">There is no address, or one is not of HTTP.</exception>
    public HttpFuseMixClient(HttpFuseMixClientOptions options)
    {
        // A redirect would carry the key to wherever it points.
        _own = new HttpClient(new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            ConnectTimeout = TimeSpan.FromSeconds(10),
            PooledConnectionLifetime = TimeSpan.FromMinutes(5),
        })
        {
            Timeout = NoLimit,
        };
        _api = new ApiConnection(_own, options);
    }

    /// <summary>A client over connections that somebody else keeps, e.g. an <c>IHttpClientFactory</c>.</summary>
    /// <param name="http">Sends the requests; its own timeout should be infinite, since watches and uploads take long.</param>
    /// <param name="options">Where the cluster is; the base address of <paramref name="http"/> is not used.</param>
    /// <exception cref="FuseMixException">There is no address, or one is not of HTTP.</exception>
    public HttpFuseMixClient(HttpClient http, HttpFuseMixClientOptions options) => _api = new ApiConnection(http, options);

    /// <summary>Closes the connections, where they are the client's own.</summary>
    public void Dispose() => _own?.Dispose();

    /// <inheritdoc/>
    public Task<ClusterStatus> Cluster(CancellationToken cancellationToken = default) =>
        Get("cluster", ApiJson.Client.ClusterStatus, cancellationToken);

    /// <inheritdoc/>
    public Task<EncoderSummary[]> Encoders(CancellationToken cancellationToken = default) =>
        List("encoders", ApiJson.Client.PageEncoderSummary, cancellationToken);

    /// <inheritdoc/>
    public Task<DatasetSummary[]> Datasets(CancellationToken cancellationToken = default) =>
        List("datasets", ApiJson.Client.PageDatasetSummary, cancellationToken);

    /// <inheritdoc/>
    public Task<DatasetDetails> Dataset(string name, CancellationToken cancellationToken = default) =>
        Get($"datasets/{Named(name, "dataset")}", ApiJson.Client.DatasetDetails, cancellationToken);

    /// <inheritdoc/>
    public Task<LatentSetSummary[]> LatentSets(CancellationToken cancellationToken = default) =>
        List("latents", ApiJson.Client.PageLatentSetSummary, cancellationToken);

    /// <inheritdoc/>
    public Task<ModelSummary[]> Models(CancellationToken cancellationToken = default) =>
        List("models", ApiJson.Client.PageModelSummary, cancellationToken);

    /// <inheritdoc/>
    public Task<CollectionStatus[]> Collections(CancellationToken cancellationToken = default) =>
        List("collections", ApiJson.Client.PageCollectionStatus, cancellationToken);

    /// <inheritdoc/>
    public async Task<SearchResponse> Search(SearchRequest request, CancellationToken cancellationToken = default)
    {
        // Changes nothing, whatever its method says.
        var call = new ApiCall(HttpMethod.Post, $"collections/{Named(request.Collection, "collection")}/search")
        {
            Body = Json(SearchBody.Of(request), ApiJson.Client.SearchBody),
            AnswersAfter = request.Deadline,
        };
        return (await _api.Send(call, ApiJson.Client.SearchAnswer, cancellationToken)).ToResponse();
    }

    /// <inheritdoc/>
    public Task<ItemContent> Content(string collection, string itemId, CancellationToken cancellationToken = default) => _api.Send(
        new ApiCall(HttpMethod.Get, $"collections/{Named(collection, "collection")}/content?item={Uri.EscapeDataString(itemId)}"),
        async (response, token) =>
        {
            using (response)
            {
                return new ItemContent(
                    await response.Content.ReadAsByteArrayAsync(token),
                    response.Content.Headers.ContentType?.ToString() ?? "application/octet-stream",
                    response.Headers.ETag?.Tag.Trim('"') ?? "");
            }
        },
        cancellationToken);

    /// <inheritdoc/>
    public Task<ExtractionStatus> StartExtraction(ExtractionRequest request, CancellationToken cancellationToken = default) => Send(
        HttpMethod.Put,
        Extraction(request.Dataset, request.Encoder),
        Json(new ExtractionBody(request.Accelerator), ApiJson.Client.ExtractionBody),
        ApiJson.Client.ExtractionStatus, cancellationToken);

    /// <inheritdoc/>
    public Task<ExtractionStatus> Extraction(string dataset, string encoder, CancellationToken cancellationToken = default) =>
        Get(Extraction(dataset, encoder), ApiJson.Client.ExtractionStatus, cancellationToken);

    /// <inheritdoc/>
    public async Task<ExtractionStatus[]> Extractions(CancellationToken cancellationToken = default) =>
        // Pages of a list to whose front jobs move may overlap.
        [.. (await List("extractions", ApiJson.Client.PageExtractionStatus, cancellationToken)).DistinctBy(status => (status.Dataset, status.Encoder))];

    /// <inheritdoc/>
    public IAsyncEnumerable<ExtractionStatus> WatchExtraction(
        string dataset, string encoder, CancellationToken cancellationToken = default) =>
        Watch(Extraction(dataset, encoder), ApiJson.Client.ExtractionStatus, status => status.State, cancellationToken);

    /// <inheritdoc/>
    public Task<ExtractionStatus> CancelExtraction(string dataset, string encoder, CancellationToken cancellationToken = default) =>
        Send(HttpMethod.Post, $"{Extraction(dataset, encoder)}/cancel", null, ApiJson.Client.ExtractionStatus, cancellationToken);

    /// <inheritdoc/>
    public Task<TrainingStatus> SubmitTraining(TrainingRequest request, CancellationToken cancellationToken = default) => Send(
        HttpMethod.Put,
        Training(request.JobId),
        Json(TrainingBody.Of(request), ApiJson.Client.TrainingBody),
        ApiJson.Client.TrainingStatus,
        cancellationToken);

    /// <inheritdoc/>
    public Task<TrainingStatus> Training(string jobId, CancellationToken cancellationToken = default) =>
        Get(Training(jobId), ApiJson.Client.TrainingStatus, cancellationToken);

    /// <inheritdoc/>
    public async Task<TrainingPage> Trainings(int limit = 100, string? continuation = null, CancellationToken cancellationToken = default)
    {
        var page = await Get(Listing("trainings", limit, continuation), ApiJson.Client.PageTrainingStatus, cancellationToken);
        return new TrainingPage(page.Items, page.Next);
    }

    /// <inheritdoc/>
    public IAsyncEnumerable<TrainingStatus> WatchTraining(string jobId, CancellationToken cancellationToken = default) =>
        Watch(Training(jobId), ApiJson.Client.TrainingStatus, status => status.State, cancellationToken);

    /// <inheritdoc/>
    public Task<TrainingStatus> CancelTraining(string jobId, CancellationToken cancellationToken = default) =>
        Send(HttpMethod.Post, $"{Training(jobId)}/cancel", null, ApiJson.Client.TrainingStatus, cancellationToken);

    /// <inheritdoc/>
    public Task<EvaluationReport> Evaluate(EvaluationRequest request, CancellationToken cancellationToken = default)
    {
        var query = $"dataset={Uri.EscapeDataString(request.Dataset)}&split={Uri.EscapeDataString(request.Split)}"
            + (request.Without is null ? "" : $"&without={Uri.EscapeDataString(request.Without)}")
            + (request.Fold is null ? "" : $"&fold={Uri.EscapeDataString(request.Fold)}");
        return _api.Send(
            new ApiCall(HttpMethod.Post, $"models/{Named(request.Model, "fusion model")}/evaluation?{query}") { AnswersAfter = LongWork },
            ApiJson.Client.EvaluationReport, cancellationToken);
    }

    /// <inheritdoc/>
    public async Task<string> FitBaseline(string model, string dataset, CancellationToken cancellationToken = default)
    {
        var call = new ApiCall(HttpMethod.Put, $"models/{Named(model, "fusion model")}/baseline")
        {
            Body = Json(new BaselineBody(dataset), ApiJson.Client.BaselineBody),
            AnswersAfter = LongWork,
        };
        return (await _api.Send(call, ApiJson.Client.BaselineAnswer, cancellationToken)).Model;
    }

    /// <inheritdoc/>
    public Task<BuildStatus> StartBuild(string collection, CollectionBuild request, CancellationToken cancellationToken = default) =>
        Send(
            HttpMethod.Put,
            Build(collection),
            Json(BuildBody.Of(request), ApiJson.Client.BuildBody),
            ApiJson.Client.BuildStatus,
            cancellationToken);

    /// <inheritdoc/>
    public Task<BuildStatus> Build(string collection, CancellationToken cancellationToken = default) =>
        Get(Build(collection), ApiJson.Client.BuildStatus, cancellationToken);

    /// <inheritdoc/>
    public IAsyncEnumerable<BuildStatus> WatchBuild(string collection, CancellationToken cancellationToken = default) =>
        Watch(Build(collection), ApiJson.Client.BuildStatus, status => status.State, cancellationToken);

    /// <inheritdoc/>
    public Task<BuildStatus> CancelBuild(string collection, CancellationToken cancellationToken = default) =>
        Send(HttpMethod.Post, $"{Build(collection)}/cancel", null, ApiJson.Client.BuildStatus, cancellationToken);

    /// <inheritdoc/>
    public Task<CollectionStatus> Collection(string name, CancellationToken cancellationToken = default) =>
        Get($"collections/{Named(name, "collection")}", ApiJson.Client.CollectionStatus, cancellationToken);

    /// <inheritdoc/>
    public Task<CollectionStatus> GoLive(string collection, string generation, CancellationToken cancellationToken = default) => Send(
        HttpMethod.Put, $"collections/{Named(collection, "collection")}/live", Json(new LiveBody(generation), ApiJson.Client.LiveBody),
        ApiJson.Client.CollectionStatus, cancellationToken);

    /// <inheritdoc/>
    public async Task Drop(string collection, CancellationToken cancellationToken = default)
    {
        try
        {
            await Done(new ApiCall(HttpMethod.Delete, $"collections/{Named(collection, "collection")}"), cancellationToken);
        }
        catch (FuseMixException gone) when (gone.Kind == FailureKind.NotFound)
        {
            // That is what was wanted, and what an attempt before this one may have done.
        }
    }

    /// <inheritdoc/>
    public Task<EncoderSummary> PutEncoder(
        string name,
        string folder,
        bool replace = false,
        IProgress<UploadProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        var files = TarContent.WholeOf(folder);
        var call = new ApiCall(HttpMethod.Put, $"encoders/{Named(name, "encoder")}{(replace ? "?replace=true" : "")}")
        {
            Body = () => new TarContent(files, progress),
            AnswersAfter = NoLimit,
        };
        return _api.Send(call, ApiJson.Client.EncoderSummary, cancellationToken);
    }

    /// <inheritdoc/>
    public Task RemoveEncoder(string name, bool force = false, CancellationToken cancellationToken = default) =>
        Done(new ApiCall(HttpMethod.Delete, $"encoders/{Named(name, "encoder")}{Forced(force)}") { IsSafe = false }, cancellationToken);

    /// <inheritdoc/>
    public Task<DatasetSummary> PutDataset(
        string name, DatasetSource source, IProgress<UploadProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        var files = source.Format == DatasetFormat.Folder ? TarContent.FilesOf(source.Path)
            : TarContent.FilesOf(
                source.Path,
                source.Files ?? [.. FolderWalk.Of(Path.GetDirectoryName(Path.GetFullPath(source.Path))!).Files.Select(file => file.Name)]);
        var about = source.About is null ? "" : $"&about={Uri.EscapeDataString(source.About)}";
        var query = $"format={DatasetFormatWords.Of(source.Format)}&licence={Uri.EscapeDataString(source.Licence)}{about}";
        var call = new ApiCall(HttpMethod.Put, $"datasets/{Named(name, "dataset")}?{query}")
        {
            Body = () => new TarContent(files, progress),
            AnswersAfter = NoLimit,
        };
        return _api.Send(call, ApiJson.Client.DatasetSummary, cancellationToken);
    }

    /// <inheritdoc/>
    public Task<DatasetSummary> RegisterDataset(string name, string folder, CancellationToken cancellationToken = default) => Send(
        HttpMethod.Post, $"datasets/{Named(name, "dataset")}/register", Json(new RegisterBody(folder), ApiJson.Client.RegisterBody),
        ApiJson.Client.DatasetSummary, cancellationToken);

    /// <inheritdoc/>
    public Task RemoveDataset(string name, bool force = false, CancellationToken cancellationToken = default) =>
        Done(new ApiCall(HttpMethod.Delete, $"datasets/{Named(name, "dataset")}{Forced(force)}") { IsSafe = false }, cancellationToken);

    private static string Forced(bool force) => force ? "?force=true" : "";

    private static string Extraction(string dataset, string encoder) =>
        $"extractions/{Named(dataset, "dataset")}/{Named(encoder, "encoder")}";

    private static string Training(string jobId) => $"trainings/{Named(jobId, "job")}";

    private static string Build(string collection) => $"collections/{Named(collection, "collection")}/build";

    /// <summary>A name as a part of an address, which is what keeps '..' and '/' out of it.</summary>
    private static string Named(string name, string what) => ResourceName.Require(name, what);

    private static Func<HttpContent> Json<T>(T value, JsonTypeInfo<T> type) => () => JsonContent.Create(value, type);

    private Task<T> Get<T>(string address, JsonTypeInfo<T> type, CancellationToken cancellationToken) =>
        _api.Send(new ApiCall(HttpMethod.Get, address), type, cancellationToken);

    private Task<T> Send<T>(
        HttpMethod method, string address, Func<HttpContent>? body, JsonTypeInfo<T> type, CancellationToken cancellationToken) =>
        _api.Send(new ApiCall(method, address) { Body = body }, type, cancellationToken);

    private Task Done(ApiCall call, CancellationToken cancellationToken) => _api.Send(
        call,
        static (response, _) =>
        {
            response.Dispose();
            return Task.FromResult(true);
        },
        cancellationToken);

    private static string Listing(string address, int limit, string? cursor) =>
        string.Create(CultureInfo.InvariantCulture, $"{address}?limit={limit}") + (cursor is null ? "" : $"&cursor={Uri.EscapeDataString(cursor)}");

    private async Task<T[]> List<T>(string address, JsonTypeInfo<Page<T>> type, CancellationToken cancellationToken)
    {
        const int most = 1_000;
        var all = new List<T>();
        string? cursor = null;
        do
        {
            var page = await Get(Listing(address, most, cursor), type, cancellationToken);
            all.AddRange(page.Items);
            cursor = page.Next;
        }
        while (cursor is not null);
        return [.. all];
    }

    private IAsyncEnumerable<T> Watch<T>(string job, JsonTypeInfo<T> type, Func<T, JobState> state, CancellationToken cancellationToken)
        where T : class => JobWatch.Follow(
            () => _api.Events($"{job}/events", type, cancellationToken),
            state,
            error => error is HttpRequestException or IOException or FuseMixException { Kind: FailureKind.Unavailable },
            error => error is JsonException
                ? new FuseMixException(
                    FailureKind.Invalid,
                    $"The stream of the job cannot be read: {error.Message}",
                    "Check the version of the cluster.",
                    error)
                : error as FuseMixException ?? new FuseMixException(
                FailureKind.Unavailable,
                $"The job can no longer be watched: {error.Message}",
                "It may go on nevertheless: ask for its status once the cluster answers again.",
                error),
            new Retries(_api.Clock, _api.RewatchFor),
            cancellationToken);
}
