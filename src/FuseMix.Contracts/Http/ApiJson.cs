using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using FuseMix.Contracts.Catalog;
using FuseMix.Contracts.Cluster;
using FuseMix.Contracts.Collections;
using FuseMix.Contracts.Extraction;
using FuseMix.Contracts.Training;

namespace FuseMix.Contracts.Http;

/// <summary>The documents of the API as JSON: what grains say, as they say it, durations in seconds and numbers that are not known null.</summary>
/// <remarks><see cref="Default"/> is how a node reads requests: a key that it does not know is refused.</remarks>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    Converters =
    [
        typeof(WordConverter<Modality>), typeof(WordConverter<SearchTarget>), typeof(WordConverter<JobState>), typeof(SecondsConverter),
        typeof(FiniteConverter), typeof(Base64Converter),
    ])]
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
public sealed partial class ApiJson : JsonSerializerContext
{
    /// <summary>How a node writes answers: letters of every script as they are, since no answer is taken for HTML.</summary>
    public static ApiJson Answers =>
        field ??= new ApiJson(new JsonSerializerOptions(Default.Options) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });

    /// <summary>How clients write and read: they leave out what they have nothing to say of, skip what a newer cluster tells besides, and refuse a null
    /// where a value must be.</summary>
    public static ApiJson Client => field ??= new ApiJson(new JsonSerializerOptions(Default.Options)
    {
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Skip,
        RespectNullableAnnotations = true,
    });
}
