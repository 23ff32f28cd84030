using System.Text.Json.Serialization;
using FuseMix.Core.Mixing;
using FuseMix.Core.Selection;
using FuseMix.Training.Adapters;
using FuseMix.Training.Normalisation;
using FuseMix.Training.Recipe;

namespace FuseMix.Training.Models;

/// <summary>What <c>model.json</c> says.</summary>
internal sealed record ModelDocument
{
    public const int CurrentFormat = 2;

    public required int FormatVersion { get; init; }

    public required int SharedDimension { get; init; }

    public required double Temperature { get; init; }

    /// <summary>Of the sigmoid loss; left out with InfoNCE.</summary>
    public double? Bias { get; init; }

    public required ulong Seed { get; init; }

    public required SortedDictionary<Modality, BranchDocument> Modalities { get; init; }

    public TrainingRecipe? Recipe { get; init; }

    public required TrainingSummary Training { get; init; }
}

/// <summary>One modality in <c>model.json</c>.</summary>
internal sealed record BranchDocument
{
    public required string Encoder { get; init; }

    public required string EncoderFingerprint { get; init; }

    public required int LatentDimension { get; init; }

    /// <summary>The single encoders where several stand side by side; null for one.</summary>
    public PartDocument[]? Parts { get; init; }

    public required TransformKind Transform { get; init; }

    public required int AdapterInput { get; init; }

    public required AdapterKind Adapter { get; init; }

    public int Depth { get; init; }

    public int Expansion { get; init; }

    /// <summary>Weights of transform and adapter, beside <c>model.json</c>.</summary>
    public required string Weights { get; init; }

    public required string WeightsSha256 { get; init; }

    /// <summary>Transform, adapter and normalisation as one ONNX file, for use without this project.</summary>
    public required string Onnx { get; init; }

    /// <summary>The encoder, or the single ones that stand side by side.</summary>
    public ModelSource Source() => Parts is { } parts
        ? ModelSource.Join(
            [.. parts.Select(part => new ModelSource(part.Encoder, new Fingerprint(part.EncoderFingerprint), part.LatentDimension))])
        : new ModelSource(Encoder, new Fingerprint(EncoderFingerprint), LatentDimension);
}

/// <summary>One of several encoders side by side in <c>model.json</c>.</summary>
internal sealed record PartDocument(string Encoder, string EncoderFingerprint, int LatentDimension);

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    RespectNullableAnnotations = true,
    WriteIndented = true,
    Converters =
    [
        typeof(WordConverter<Modality>), typeof(WordConverter<Augmentation>), typeof(WordConverter<MixingVariant>),
        typeof(WordConverter<TransformKind>), typeof(WordConverter<AdapterKind>), typeof(WordConverter<ContrastiveLoss>),
        typeof(WordConverter<Negatives>), typeof(WordConverter<SubsetMethod>)
    ])]
[JsonSerializable(typeof(ModelDocument))]
[JsonSerializable(typeof(ValidationResult[]))]
internal sealed partial class ModelJson : JsonSerializerContext;
