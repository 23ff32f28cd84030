using System.Text.Json;
using System.Text.Json.Serialization;
using FuseMix.Contracts;
using FuseMix.Contracts.Catalog;
using FuseMix.Contracts.Cluster;
using FuseMix.Contracts.Collections;
using FuseMix.Contracts.Extraction;
using FuseMix.Contracts.Jobs;
using FuseMix.Contracts.Search;
using FuseMix.Contracts.Training;

namespace FuseMix.Grains.Tests.Messages;

/// <summary>Messages of every type, as grains send them.</summary>
internal static class MessageSamples
{
    private static readonly JsonSerializerOptions Options = new() { NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals };

    private static readonly Hit Hit = new("img-1", Modality.Image, 0.5f, new() { ["caption"] = "a dog" });

    /// <summary>Every type of message, each property somewhere with a value of its own.</summary>
    public static readonly IReadOnlyList<object> All =
    [
        JobState.Completed,
        JobKind.Build,
        new ExtractionRequest("emoji", "use-lite"),
        new ExtractionRequest("emoji", "use-lite", "cuda"),
        new ExtractionStatus("emoji", "use-lite", JobState.Failed, 10, 9, 8, 7, 6, 5, 4.5, TimeSpan.FromSeconds(3), "why"),
        new ExtractionStatus("emoji", "use-lite", JobState.Unknown, 0, 0, 0, 0, 0, 0, 0, TimeSpan.Zero, null),
        new ShardLease(3, ["a", "b"], "0123", TimeSpan.FromSeconds(30)),
        new ShardOutcome(3, 2, 1, "why"),
        new ShardOutcome(3, 2, 1, null),
        new TrainingRequest(
            "job", "model", "emoji", new() { [Modality.Image] = "one", [Modality.Text] = "two" }, "{}", ulong.MaxValue, "2/5"),
        new TrainingStatus(
            "job", "model", JobState.Running, 1, 2, 3.5, 1e-3, 0.07, 99, TimeSpan.FromMinutes(1), 4, DateTimeOffset.UnixEpoch, "why"),
        new TrainingValidation(1, 2, 33.5, 50),
        new TrainingStatus(
            "job", "model", JobState.Running, 1, 2, 3.5, 1e-3, 0.07, 99, null, 4, DateTimeOffset.UnixEpoch, null, "data", 3, 5,
            new TrainingValidation(1, 2, 33.5, 50)),
        new TrainingStatus("job", "model", JobState.Queued, 0, 0, double.NaN, 0, 0, 0, null, 0, DateTimeOffset.UnixEpoch, null),
        new TrainingPage(
            [new TrainingStatus("job", "model", JobState.Queued, 0, 0, 1, 0, 0, 0, null, 0, DateTimeOffset.UnixEpoch, null)], "1:job"),
        new TrainingPage([], null),
        new EvaluationRequest("model", "emoji", "test", "flag"),
        new EvaluationRequest("model", "emoji", "test"),
        new EvaluationRequest("model", "emoji", "validation", null, "2/5"),
        new DirectionRecall(Modality.Audio, Modality.Text, 1, 2, 3.5, 4.5, 5.5, 6.5),
        new EvaluationReport(
            "model", "emoji", "test", null, [new DirectionRecall(Modality.Image, Modality.Text, 1, 2, 3.5, 4.5, 5.5, 6.5)], 7.5),
        new EvaluationReport("model", "emoji", "test", "flag", [], 0, "2/5"),
        new CollectionBuild("model", "emoji", 7, false),
        new BuildStatus(
            "boats", new CollectionBuild("model", "emoji"), JobState.Running, 9, 4, null, false, TimeSpan.FromSeconds(2), "why"),
        new BuildStatus("boats", null, JobState.Unknown, 0, 0, "g1", true, TimeSpan.Zero, null),
        new JobReference(JobKind.Build, "boats"),
        new ShardStatus("image-00000", Modality.Image, 4),
        new CollectionStatus("boats", "g1", "model", "0123", "emoji", 8, [new ShardStatus("image-00000", Modality.Image, 4)], ["g1", "g0"]),
        new ShardQuery([1, 2, float.Epsilon], 1, 10, 0.5f, new() { ["split"] = ["test", "train"] }, ["x"]),
        new ShardQuery([], 0, 1, null, null, null),
        new ShardQuery([1], 1, 1, null, null, null, Describe: true),
        new ShardAnswer([[7, 3], []], [[0.5f, -1], []]),
        new ShardAnswer([[7]], [[0.5f]], [new ShardItem(7, "img-1", new() { ["caption"] = "a dog" })]),
        new ShardItem(7, "img-1", new() { ["caption"] = "a dog" }),
        Hit,
        new SearchRequest(
            "boats",
            [SearchQuery.OfText("a dog"), SearchQuery.OfContent(Modality.Image, [1, 2, 3]), SearchQuery.OfItem("img-1")],
            Modality.Text,
            5)
        {
            MinScore = -0.5f,
            Filter = new() { ["kind"] = ["animal"] },
            Exclude = ["img-2"],
            Deadline = TimeSpan.FromMilliseconds(5),
        },
        new SearchRequest("boats", [], null),
        new SearchQuery([new QueryTerm { Latent = [1, 2], Modality = Modality.Audio, Weight = -2 }, new QueryTerm { Embedding = [3] }]),
        new QueryTerm(),
        new SearchResponse("boats", "g1", false, ["image-00000: why"], [[Hit, Hit], []], TimeSpan.FromTicks(7)),
        new EncoderSummary("one", Modality.Image, 3, "0123", "MIT", "somewhere", null),
        new EncoderSummary("two", Modality.Text, 0, "", "", "", "why"),
        new DatasetSummary("emoji", new() { [Modality.Text] = 3 }, new() { ["train"] = 2 }, 1, 0, "CC0-1.0", "why"),
        new DatasetDetails(
            new DatasetSummary("emoji", [], [], 1, 1, "CC0-1.0", null, "0123", "Emoji."), new() { [Modality.Text] = 30 },
            [new PairSummary(Modality.Image, Modality.Text, "train", 2)],
            ["Two pairs cross splits."],
            [new FailureSummary("a.doc", "why")]),
        new PairSummary(Modality.Image, Modality.Audio, "test", 0),
        new FailureSummary("b.csv line 3", "why not"),
        new LatentSetSummary("emoji", "one", "0123", 3, 4, 1, true),
        new ModelSummary("model", new() { [Modality.Image] = "one" }, 8, 40, null),
        new ModelSummary("other", [], 0, 0, "why"),
        new NodeStatus("host-1", ["extract", "index"], ["cuda"], "Active"),
        new ClusterStatus([new NodeStatus("host-1", ["extract"], [], "Dead")]),
    ];

    /// <summary>All that a message says, to compare it by.</summary>
    public static string Json(object message) => JsonSerializer.Serialize(message, message.GetType(), Options);
}
