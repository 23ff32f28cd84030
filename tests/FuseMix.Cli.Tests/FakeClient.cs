using System.Runtime.CompilerServices;
using FuseMix.Client;
using FuseMix.Contracts;
using FuseMix.Contracts.Catalog;
using FuseMix.Contracts.Cluster;
using FuseMix.Contracts.Collections;
using FuseMix.Contracts.Extraction;
using FuseMix.Contracts.Search;
using FuseMix.Contracts.Training;

namespace FuseMix.Cli.Tests;

/// <summary>A cluster that holds what a test says, whose jobs end as it says, and that remembers what was asked of it.</summary>
internal sealed class FakeClient : IFuseMixClient
{
    public List<EncoderSummary> AllEncoders { get; init; } =
    [
        new("mobilenet-v2-mid", Modality.Image, 816, new string('a', 64), "MIT", "npm", null),
        new("use-lite", Modality.Text, 512, new string('b', 64), "Apache-2.0", "npm", null),
    ];

    public List<DatasetSummary> AllDatasets { get; init; } =
    [
        new(
            "emoji", new() { [Modality.Image] = 3_822, [Modality.Text] = 1_911 }, new() { ["train"] = 2_810, ["validation"] = 414, ["test"] = 598 }, 1_685, 0, "CC-BY-4.0", null,
            new string('e', 64), "Emoji."),
    ];

    public List<LatentSetSummary> AllLatentSets { get; init; } =
    [
        new("emoji", "mobilenet-v2-mid", new string('a', 64), 3_822, 816, 0, true),
        new("emoji", "use-lite", new string('b', 64), 1_911, 512, 0, true),
    ];

    public List<ModelSummary> AllModels { get; init; } =
        [new("emoji-small", new() { [Modality.Image] = "mobilenet-v2-mid", [Modality.Text] = "use-lite" }, 512, 400, null)];

    public List<CollectionStatus> AllCollections { get; init; } =
    [
        new(
            "emoji", "g2", "emoji-small", new string('f', 64), "emoji", 512,
            [new ShardStatus("image-00000", Modality.Image, 3_822), new ShardStatus("text-00000", Modality.Text, 1_911)], ["g2", "g1"]),
    ];

    /// <summary>What <see cref="Cluster"/> answers, or fails with.</summary>
    public Func<ClusterStatus> Nodes { get; init; } = static () => new ClusterStatus([new NodeStatus("local", ["gateway", "extract"], [], "Active")]);

    /// <summary>The commands that were given, in order: verb and names.</summary>
    public List<string> Commands { get; } = [];

    public List<SearchRequest> Searches { get; } = [];

    /// <summary>Shards that do not answer searches.</summary>
    public string[] Missing { get; set; } = [];

    /// <summary>The items that every search finds.</summary>
    public List<Hit> Hits { get; init; } =
        [new("1f63a.google", Modality.Image, 0.713f, new() { ["caption"] = "grinning cat. happy, größe", ["emoji"] = "😺" })];

    /// <summary>The content of items; of others there is none.</summary>
    public Dictionary<string, byte[]> Contents { get; } = [];

    /// <summary>How an extraction ends; one that is still running never does.</summary>
    public Func<string, ExtractionStatus> ExtractionEnd { get; init; } = static encoder => Extracted with { Encoder = encoder };

    /// <summary>What <see cref="Extractions"/> tells.</summary>
    public List<ExtractionStatus> Extracting { get; } = [];

    /// <summary>How many queries every direction of an evaluation has; null for those of the demo.</summary>
    public int? Queries { get; init; }

    public List<TrainingRequest> Submitted { get; } = [];

    public List<EvaluationRequest> Evaluated { get; } = [];

    /// <summary>Where datasets were imported from.</summary>
    public List<DatasetSource> Sources { get; } = [];

    /// <summary>What <see cref="Trainings"/> tells.</summary>
    public List<TrainingStatus> Jobs { get; } = [At("emoji-small-1", "emoji-small", JobState.Running, 2)];

    /// <summary>The last validation of a training that completes.</summary>
    public TrainingValidation? Validation { get; set; }

    /// <summary>Trainings that are found done.</summary>
    public HashSet<string> Done { get; } = [];

    /// <summary>Called when a job that stands still is watched; null for trainings that go on.</summary>
    public Action? StandsStill { get; init; }

    /// <summary>Why every training fails; null for ones that do not.</summary>
    public string? Failure { get; init; }

    /// <summary>Whether somebody else has set every job going.</summary>
    public bool IsBusy { get; init; }

    public CollectionBuild? Built { get; private set; }

    public static readonly ExtractionStatus Extracted =
        new("emoji", "use-lite", JobState.Completed, 1_911, 1_911, 0, 0, 4, 4, 1_260, TimeSpan.FromSeconds(1.52), null);

    public static TrainingStatus At(string job, string model, JobState state, int step) => new(
        job, model, state, step, 3, step == 0 ? double.NaN : 6.0 / step, 1e-3, 0.07, 3_000, null, 0, DateTimeOffset.UnixEpoch, null);

    public static EvaluationReport Report(string model, double mean) => new(
        model, "emoji", "test", null,
        [
            new DirectionRecall(Modality.Image, Modality.Text, 598, 299, 19.2, 40.6, 51.5, 10),
            new DirectionRecall(Modality.Text, Modality.Image, 299, 598, 21.0, 40.4, 50.4, 9.5),
        ],
        mean);

    public Task<ClusterStatus> Cluster(CancellationToken cancellationToken = default) => Task.FromResult(Nodes());

    public Task<EncoderSummary[]> Encoders(CancellationToken cancellationToken = default) => Task.FromResult(AllEncoders.ToArray());

    public Task<DatasetSummary[]> Datasets(CancellationToken cancellationToken = default) => Task.FromResult(AllDatasets.ToArray());

    public Task<DatasetDetails> Dataset(string name, CancellationToken cancellationToken = default)
    {
        var summary = AllDatasets.Find(d => d.Name == name) ?? throw FuseMixException.UnknownName("dataset", name, AllDatasets.Select(d => d.Name));
        return Task.FromResult(new DatasetDetails(summary, [], [.. summary.Pairs.Select(pairs => new PairSummary(Modality.Image, Modality.Text, pairs.Key, pairs.Value))], [], []));
    }

    public Task<LatentSetSummary[]> LatentSets(CancellationToken cancellationToken = default) => Task.FromResult(AllLatentSets.ToArray());

    public Task<ModelSummary[]> Models(CancellationToken cancellationToken = default) => Task.FromResult(AllModels.ToArray());

    public Task<CollectionStatus[]> Collections(CancellationToken cancellationToken = default) => Task.FromResult(AllCollections.ToArray());

    public async Task<SearchResponse> Search(SearchRequest request, CancellationToken cancellationToken = default)
    {
        _ = await Collection(request.Collection, cancellationToken);
        Searches.Add(request);
        return new SearchResponse(request.Collection, "g1", Missing.Length == 0, Missing, [[.. Hits]], TimeSpan.FromMilliseconds(4));
    }

    public Task<ItemContent> Content(string collection, string itemId, CancellationToken cancellationToken = default)
    {
        Commands.Add($"content {collection} {itemId}");
        return Contents.TryGetValue(itemId, out var content)
            ? Task.FromResult(new ItemContent(content, "image/png", ""))
            : throw new FuseMixException(FailureKind.NotFound, $"Dataset 'emoji' has no item '{itemId}'.");
    }

    public Task<ExtractionStatus> StartExtraction(ExtractionRequest request, CancellationToken cancellationToken = default)
    {
        Commands.Add($"extract {request.Key}{(request.Accelerator is null ? "" : $" on {request.Accelerator}")}");
        return Task.FromResult(ExtractionEnd(request.Encoder) with { State = JobState.Running });
    }

    public Task<ExtractionStatus> Extraction(string dataset, string encoder, CancellationToken cancellationToken = default) =>
        Task.FromResult(ExtractionEnd(encoder) with { State = IsBusy ? JobState.Running : JobState.Unknown });

    public Task<ExtractionStatus[]> Extractions(CancellationToken cancellationToken = default) => Task.FromResult(Extracting.ToArray());

    public async IAsyncEnumerable<ExtractionStatus> WatchExtraction(
        string dataset, string encoder, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var end = ExtractionEnd(encoder);
        yield return end with { State = JobState.Running, ItemsDone = 10 };
        if (end.State == JobState.Running)
        {
            StandsStill!();
            await Task.Delay(Timeout.Infinite, cancellationToken);
        }

        yield return end;
    }

    public Task<ExtractionStatus> CancelExtraction(string dataset, string encoder, CancellationToken cancellationToken = default)
    {
        Commands.Add($"cancel {dataset}/{encoder}");
        return Task.FromResult(ExtractionEnd(encoder) with { State = JobState.Cancelled });
    }

    public Task<TrainingStatus> SubmitTraining(TrainingRequest request, CancellationToken cancellationToken = default)
    {
        Submitted.Add(request);
        return Task.FromResult(Done.Contains(request.JobId) ? At(request.JobId, request.Model, JobState.Completed, 3) : At(request.JobId, request.Model, JobState.Queued, 0));
    }

    public Task<TrainingStatus> Training(string jobId, CancellationToken cancellationToken = default) => IsBusy
        ? Task.FromResult(At(jobId, "m", JobState.Running, 1))
        : throw FuseMixException.UnknownName("training job", jobId, Jobs.Select(job => job.JobId));

    public Task<TrainingPage> Trainings(int limit = 100, string? continuation = null, CancellationToken cancellationToken = default)
    {
        var start = continuation is null ? 0 : int.Parse(continuation, System.Globalization.CultureInfo.InvariantCulture);
        return Task.FromResult(new TrainingPage([.. Jobs.Skip(start).Take(limit)], start + limit < Jobs.Count ? $"{start + limit}" : null));
    }

    public async IAsyncEnumerable<TrainingStatus> WatchTraining(string jobId, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var model = Submitted.LastOrDefault()?.Model ?? "m";
        if (Commands.Contains($"cancel {jobId}"))
        {
            yield return At(jobId, model, JobState.Cancelled, 2);
            yield break;
        }

        yield return At(jobId, model, JobState.Queued, 0);
        yield return At(jobId, model, JobState.Running, 1);
        yield return At(jobId, model, JobState.Running, 2);
        if (StandsStill is { } seen)
        {
            seen();
            await Task.Delay(Timeout.Infinite, cancellationToken);
        }

        if (Failure is { } failure)
        {
            yield return At(jobId, model, JobState.Failed, 2) with { Error = failure };
            yield break;
        }

        Done.Add(jobId);
        yield return At(jobId, model, JobState.Completed, 3) with { Epoch = 3, Epochs = 3, Validation = Validation };
    }

    public Task<TrainingStatus> CancelTraining(string jobId, CancellationToken cancellationToken = default)
    {
        // As the trainer does: it has heard, and finishes the step in hand.
        Commands.Add($"cancel {jobId}");
        return Task.FromResult(At(jobId, "m", JobState.Running, 1));
    }

    public Task<EvaluationReport> Evaluate(EvaluationRequest request, CancellationToken cancellationToken = default)
    {
        Evaluated.Add(request);
        var report = Report(request.Model, 37.2) with { Dataset = request.Dataset, Split = request.Split, Without = request.Without };
        return Task.FromResult(Queries is { } few ? report with { Directions = [.. report.Directions.Select(d => d with { Queries = few })] } : report);
    }

    public Task<string> FitBaseline(string model, string dataset, CancellationToken cancellationToken = default) => Task.FromResult($"cca-{dataset}");

    public Task<BuildStatus> StartBuild(string collection, CollectionBuild request, CancellationToken cancellationToken = default)
    {
        Built = request;
        return Build(collection, cancellationToken);
    }

    public Task<BuildStatus> Build(string collection, CancellationToken cancellationToken = default) =>
        Task.FromResult(new BuildStatus(collection, Built, BuildState, 5_733, 5_733, "g2", false, TimeSpan.FromSeconds(1), null));

    public async IAsyncEnumerable<BuildStatus> WatchBuild(string collection, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        yield return await Build(collection, cancellationToken);
        if (StandsStill is null) yield break;
        StandsStill();
        await Task.Delay(Timeout.Infinite, cancellationToken);
    }

    public async Task<BuildStatus> CancelBuild(string collection, CancellationToken cancellationToken = default)
    {
        Commands.Add($"cancel {collection}");
        return await Build(collection, cancellationToken) with { State = JobState.Cancelled };
    }

    public Task<CollectionStatus> Collection(string name, CancellationToken cancellationToken = default) => Task.FromResult(
        AllCollections.Find(c => c.Name == name) ?? throw FuseMixException.UnknownName("collection", name, AllCollections.Select(c => c.Name)));

    public async Task<CollectionStatus> GoLive(string collection, string generation, CancellationToken cancellationToken = default)
    {
        Commands.Add($"live {collection} {generation}");
        return await Collection(collection, cancellationToken) with { Generation = generation };
    }

    public Task Drop(string collection, CancellationToken cancellationToken = default) => Did($"drop {collection}");

    public Task<EncoderSummary> PutEncoder(
        string name, string folder, bool replace = false, IProgress<UploadProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        Commands.Add($"put {name}{(replace ? " replace" : "")}");
        return Task.FromResult(new EncoderSummary(name, Modality.Image, 12, new string('c', 64), "MIT", "", null));
    }

    public Task RemoveEncoder(string name, bool force = false, CancellationToken cancellationToken = default) => Did($"remove {name}");

    public Task<DatasetSummary> PutDataset(
        string name, DatasetSource source, IProgress<UploadProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        Sources.Add(source);
        Commands.Add($"put {name} {source.Format} {Path.GetFileName(source.Path)} {string.Join(' ', source.Files ?? [])}".TrimEnd());
        var dataset = AllDatasets[0] with { Name = name, Licence = source.Licence, Fingerprint = new string('d', 64) };
        AllDatasets.RemoveAll(d => d.Name == name);
        AllDatasets.Add(dataset);
        return Task.FromResult(dataset);
    }

    public Task<DatasetSummary> RegisterDataset(string name, string folder, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public Task RemoveDataset(string name, bool force = false, CancellationToken cancellationToken = default) => Did($"remove {name}");

    private JobState BuildState => (IsBusy, Built) switch
    {
        (false, null) => JobState.Unknown,
        (false, _) when StandsStill is null => JobState.Completed,
        _ => JobState.Running,
    };

    private Task Did(string command)
    {
        Commands.Add(command);
        return Task.CompletedTask;
    }
}
