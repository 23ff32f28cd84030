using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using FuseMix.Contracts;
using FuseMix.Contracts.Catalog;
using FuseMix.Contracts.Cluster;
using FuseMix.Contracts.Collections;
using FuseMix.Contracts.Extraction;
using FuseMix.Contracts.Training;
using FuseMix.Storage;

namespace FuseMix.Silo.Api;

/// <summary>The documents of the API: what grains say, as they say it, durations in seconds and numbers that are not known null.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    Converters = [typeof(WordConverter<Modality>), typeof(WordConverter<JobState>), typeof(SecondsConverter), typeof(FiniteConverter)])]
[JsonSerializable(typeof(Problem))]
[JsonSerializable(typeof(ClusterStatus))]
[JsonSerializable(typeof(EncoderSummary))]
[JsonSerializable(typeof(Page<EncoderSummary>))]
[JsonSerializable(typeof(DatasetDetails))]
[JsonSerializable(typeof(Page<DatasetSummary>))]
[JsonSerializable(typeof(RegisterBody))]
[JsonSerializable(typeof(Page<LatentSetSummary>))]
[JsonSerializable(typeof(ExtractionBody))]
[JsonSerializable(typeof(ExtractionStatus))]
[JsonSerializable(typeof(Page<ExtractionStatus>))]
[JsonSerializable(typeof(TrainingBody))]
[JsonSerializable(typeof(TrainingStatus))]
[JsonSerializable(typeof(Page<TrainingStatus>))]
[JsonSerializable(typeof(ModelSummary))]
[JsonSerializable(typeof(Page<ModelSummary>))]
[JsonSerializable(typeof(EvaluationReport))]
[JsonSerializable(typeof(BaselineBody))]
[JsonSerializable(typeof(BaselineAnswer))]
[JsonSerializable(typeof(CollectionStatus))]
[JsonSerializable(typeof(Page<CollectionStatus>))]
[JsonSerializable(typeof(BuildBody))]
[JsonSerializable(typeof(BuildStatus))]
[JsonSerializable(typeof(LiveBody))]
[JsonSerializable(typeof(SearchBody))]
[JsonSerializable(typeof(SearchAnswer))]
internal sealed partial class ApiJson : JsonSerializerContext
{
    /// <summary>The context to write with: it leaves letters of every script as they are, since no answer is taken for HTML.</summary>
    public static ApiJson Relaxed =>
        field ??= new ApiJson(new JsonSerializerOptions(Default.Options) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
}
