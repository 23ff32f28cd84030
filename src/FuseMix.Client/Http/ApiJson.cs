using System.Text.Json;
using System.Text.Json.Serialization;
using FuseMix.Contracts;
using FuseMix.Contracts.Catalog;
using FuseMix.Contracts.Cluster;
using FuseMix.Contracts.Collections;
using FuseMix.Contracts.Extraction;
using FuseMix.Contracts.Search;
using FuseMix.Contracts.Training;

namespace FuseMix.Client.Http;

/// <summary>One page of a list.</summary>
/// <param name="Items">What stands on it.</param>
/// <param name="Next">Where the next page begins; null on the last one.</param>
internal sealed record Page<T>(T[] Items, string? Next);

/// <summary>See RFC 9457.</summary>
internal sealed record ProblemDocument(string? Type, string? Detail, string? Remedy, string? RequestId);

/// <summary>The body that starts an extraction.</summary>
internal sealed record ExtractionBody(string? Accelerator);

/// <summary>The body that submits a training.</summary>
internal sealed record TrainingBody(string Model, string Dataset, Dictionary<Modality, string> Encoders, JsonElement Recipe, ulong Seed, string? Fold);

/// <summary>The body that makes a generation live.</summary>
internal sealed record LiveBody(string Generation);

/// <summary>The body that names a dataset.</summary>
internal sealed record BaselineBody(string Dataset);

/// <summary>The answer that names a fusion model.</summary>
internal sealed record BaselineAnswer(string Model);

/// <summary>The body that names a folder.</summary>
internal sealed record RegisterBody(string Folder);

/// <summary>The body of a search.</summary>
internal sealed record SearchBody(
    SearchQuery[] Queries, Modality? Target, int K, float? MinScore, Dictionary<string, string[]>? Filter, string[]? Exclude, int DeadlineMs)
{
    public static SearchBody Of(SearchRequest request) => new(
        request.Queries, request.Target, request.K, request.MinScore, request.Filter, request.Exclude,
        (int)Math.Clamp(request.Deadline.TotalMilliseconds, int.MinValue, int.MaxValue));
}

/// <summary>The answer to a search.</summary>
internal sealed record SearchAnswer(string Collection, string Generation, bool Complete, string[] MissingShards, Hit[][] Results, double ElapsedMs)
{
    public SearchResponse ToResponse() => new(Collection, Generation, Complete, MissingShards, Results, TimeSpan.FromMilliseconds(ElapsedMs));
}

/// <summary>The documents of the HTTP API.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = false,
    Converters = [typeof(WordJson<Modality>), typeof(WordJson<JobState>), typeof(SecondsConverter), typeof(FiniteConverter)])]
[JsonSerializable(typeof(ProblemDocument))]
[JsonSerializable(typeof(ClusterStatus))]
[JsonSerializable(typeof(Page<EncoderSummary>))]
[JsonSerializable(typeof(Page<DatasetSummary>))]
[JsonSerializable(typeof(Page<LatentSetSummary>))]
[JsonSerializable(typeof(Page<ModelSummary>))]
[JsonSerializable(typeof(Page<CollectionStatus>))]
[JsonSerializable(typeof(Page<ExtractionStatus>))]
[JsonSerializable(typeof(Page<TrainingStatus>))]
[JsonSerializable(typeof(DatasetDetails))]
[JsonSerializable(typeof(ExtractionBody))]
[JsonSerializable(typeof(TrainingBody))]
[JsonSerializable(typeof(CollectionBuild))]
[JsonSerializable(typeof(BuildStatus))]
[JsonSerializable(typeof(LiveBody))]
[JsonSerializable(typeof(BaselineBody))]
[JsonSerializable(typeof(BaselineAnswer))]
[JsonSerializable(typeof(RegisterBody))]
[JsonSerializable(typeof(EvaluationReport))]
[JsonSerializable(typeof(SearchBody))]
[JsonSerializable(typeof(SearchAnswer))]
internal sealed partial class ApiJson : JsonSerializerContext;

/// <summary>An enumeration as a camelCase word.</summary>
internal sealed class WordJson<T>() : JsonStringEnumConverter<T>(JsonNamingPolicy.CamelCase, allowIntegerValues: false)
    where T : struct, Enum;
