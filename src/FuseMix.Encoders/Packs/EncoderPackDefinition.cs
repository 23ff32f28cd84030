using System.Text.Json;
using System.Text.Json.Serialization;
using FuseMix.Storage;

namespace FuseMix.Encoders.Packs;

/// <summary>What <c>encoder.json</c> says about a frozen encoder: how raw data become its input, and which tensor is the latent.</summary>
/// <remarks>Exactly one of <see cref="Text"/>, <see cref="Image"/> and <see cref="Audio"/> is given, and it fits
/// <see cref="Modality"/>.</remarks>
// The generated JSON reader assigns every init property, those that the file leaves out with null or 0: so every default here is 0, or made
// of null.
public sealed record EncoderPackDefinition
{
    /// <summary>The name of the definition file in a pack folder.</summary>
    public const string FileName = "encoder.json";

    /// <summary>The encoder's name, by the rule of <see cref="ResourceName"/>.</summary>
    public required string Name { get; init; }

    /// <summary>What kind of items it encodes.</summary>
    public required Modality Modality { get; init; }

    /// <summary>The ONNX file, relative to the pack folder.</summary>
    public string Model { get; init => field = value ?? "model.onnx"; } = "model.onnx";

    /// <summary>One or two sentences for somebody who chooses an encoder.</summary>
    public string About { get; init => field = value ?? ""; } = "";

    /// <summary>The licence of the weights, as an SPDX expression where there is one.</summary>
    public string Licence { get; init => field = value ?? ""; } = "";

    /// <summary>Where the weights come from: a package with its version, or a paper.</summary>
    public string Origin { get; init => field = value ?? ""; } = "";

    /// <summary>The tensor that is the latent.</summary>
    public required LatentDefinition Latent { get; init; }

    /// <summary>How a text becomes token ids; for a text encoder.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public TextInputDefinition? Text { get; init; }

    /// <summary>How a picture becomes a tensor; for an image encoder.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public ImageInputDefinition? Image { get; init; }

    /// <summary>How a sound becomes a tensor; for an audio encoder.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public AudioInputDefinition? Audio { get; init; }

    /// <summary>The definition as indented JSON, as it is written to <c>encoder.json</c>.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, EncoderPackJson.Default.EncoderPackDefinition) + "\n";

    /// <summary>Reads a definition and checks every value that can be checked without the pack's other files.</summary>
    /// <param name="json">The content of <c>encoder.json</c>, in UTF-8; comments and trailing commas are allowed.</param>
    /// <param name="source">What to call the file in error messages.</param>
    /// <exception cref="FuseMixException">Not JSON, an unknown or repeated key, a missing key, or a value out of range.</exception>
    public static EncoderPackDefinition Parse(ReadOnlyMemory<byte> json, string source = FileName)
    {
        var definition = StrictJson.Read(json, EncoderPackJson.Default.EncoderPackDefinition, source);
        EncoderPackRules.Check(definition, source);
        return definition;
    }
}

/// <summary>Which output tensor is the latent, and how its positions become one vector.</summary>
public sealed record LatentDefinition
{
    /// <summary>The name of the model's output tensor.</summary>
    public required string Tensor { get; init; }

    /// <summary>Values per latent.</summary>
    public required int Dimension { get; init; }

    /// <summary>How a tensor with several positions per item becomes one vector.</summary>
    public Pooling Pooling { get; init; } = Pooling.None;

    /// <summary>Whether the latent is scaled to unit length after pooling.</summary>
    public bool Normalise { get; init; }
}

/// <summary>How an output with several positions per item becomes one vector.</summary>
public enum Pooling
{
    /// <summary>The output is [n, dimension] already.</summary>
    None,

    /// <summary>Mean over the positions of [n, positions, dimension]; for a text, over those that its mask keeps.</summary>
    Mean,

    /// <summary>The first position of [n, positions, dimension].</summary>
    Cls,

    /// <summary>The last position of [n, positions, dimension] that the text's mask keeps.</summary>
    Last,

    /// <summary>Mean over height and width of [n, dimension, height, width].</summary>
    SpatialMean,
}

/// <summary>The element types of token tensors.</summary>
public enum TokenType
{
    /// <summary>64-bit integers.</summary>
    Int64,

    /// <summary>32-bit integers.</summary>
    Int32,

    /// <summary>32-bit floating point; for masks only.</summary>
    Float,
}

/// <summary>How a text becomes the model's input: prefix, tokenizer, at most <see cref="MaxTokens"/> ids, padded per batch.</summary>
public sealed record TextInputDefinition
{
    /// <summary>The kind of tokenizer: "unigram" or "wordpiece".</summary>
    public required string Tokenizer { get; init; }

    /// <summary>The tokenizer's vocabulary, relative to the pack folder.</summary>
    public required string TokenizerFile { get; init; }

    /// <summary>Whether the text is lower-cased and stripped of accents first; for "wordpiece" only ("uncased" models).</summary>
    public bool Lowercase { get; init; }

    /// <summary>The most tokens per text, special ones included, 1 to 8,192; what is longer is cut.</summary>
    public required int MaxTokens { get; init; }

    /// <summary>A text put before every text, such as E5's "query: ".</summary>
    public string Prefix { get; init => field = value ?? ""; } = "";

    /// <summary>The input tensor [n, length] of the token ids.</summary>
    public required string Ids { get; init; }

    /// <summary>The element type of <see cref="Ids"/> and <see cref="TypeIds"/>: int64 or int32.</summary>
    public TokenType IdType { get; init; } = TokenType.Int64;

    /// <summary>The id that fills a shorter text up to the longest of its batch.</summary>
    public int PaddingId { get; init; }

    /// <summary>The input tensor [n, length] that is 1 for a token and 0 for padding; null where the model has none.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Mask { get; init; }

    /// <summary>The element type of <see cref="Mask"/>.</summary>
    public TokenType MaskType { get; init; } = TokenType.Int64;

    /// <summary>The input tensor [n, length] of segment ids, all 0 here (BERT's <c>token_type_ids</c>); null where the model has
    /// none.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? TypeIds { get; init; }
}

/// <summary>The order of an image tensor's dimensions.</summary>
public enum ImageLayout
{
    /// <summary>[n, 3, height, width].</summary>
    Nchw,

    /// <summary>[n, height, width, 3].</summary>
    Nhwc,
}

/// <summary>The interpolation of a resize.</summary>
public enum ResizeFilter
{
    /// <summary>Linear in both directions, half-pixel centres.</summary>
    Bilinear,

    /// <summary>Cubic convolution with a = -0.5, half-pixel centres.</summary>
    Bicubic,
}

/// <summary>How a picture of another shape fits the model's.</summary>
public enum ImageFit
{
    /// <summary>Both sides are scaled on their own: the whole picture, distorted.</summary>
    Stretch,

    /// <summary>The shorter side is scaled to <see cref="ImageInputDefinition.ShorterSide"/> and the centre is cut out.</summary>
    Crop,
}

/// <summary>How a picture becomes the model's input: RGB, transparency on white, resized, value = (byte × scale - mean) / std.</summary>
public sealed record ImageInputDefinition
{
    /// <summary>The input tensor.</summary>
    public required string Tensor { get; init; }

    /// <summary>Its width in pixels, 1 to 4,096.</summary>
    public required int Width { get; init; }

    /// <summary>Its height in pixels, 1 to 4,096.</summary>
    public required int Height { get; init; }

    /// <summary>The order of its dimensions.</summary>
    public ImageLayout Layout { get; init; } = ImageLayout.Nchw;

    /// <summary>The interpolation.</summary>
    public ResizeFilter Resize { get; init; } = ResizeFilter.Bilinear;

    /// <summary>How a picture of another shape fits.</summary>
    public ImageFit Fit { get; init; } = ImageFit.Stretch;

    /// <summary>For <see cref="ImageFit.Crop"/>: the shorter side after the resize, in pixels; null means the tensor's own size.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public int? ShorterSide { get; init; }

    /// <summary>Whether a shrinking resize widens its filter to cover every source pixel, as Pillow and torchvision do.</summary>
    public bool Antialias { get; init; }

    /// <summary>What a byte 0..255 is multiplied with; 0, or left out, means 1/255, which gives 0..1.</summary>
    public double Scale { get; init => field = value == 0 ? 1.0 / 255 : value; } = 1.0 / 255;

    /// <summary>Subtracted after <see cref="Scale"/>: three values, red, green, blue.</summary>
    public IReadOnlyList<double> Mean { get; init => field = value ?? [0, 0, 0]; } = [0, 0, 0];

    /// <summary>Divided by at last: three values, red, green, blue.</summary>
    public IReadOnlyList<double> Std { get; init => field = value ?? [1, 1, 1]; } = [1, 1, 1];
}

/// <summary>How a sound becomes the model's input.</summary>
public sealed record AudioInputDefinition
{
    /// <summary>The kind of preprocessing.</summary>
    public required string Kind { get; init; }

    /// <summary>Samples per second that the model expects; sounds are mixed to mono and resampled to it.</summary>
    public required int SampleRate { get; init; }

    /// <summary>The input tensor.</summary>
    public required string Tensor { get; init; }
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    WriteIndented = true,
    ReadCommentHandling = JsonCommentHandling.Skip,
    AllowTrailingCommas = true,
    AllowDuplicateProperties = false,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    Converters =
    [
        typeof(WordConverter<Modality>), typeof(WordConverter<Pooling>), typeof(WordConverter<TokenType>),
        typeof(WordConverter<ImageLayout>), typeof(WordConverter<ResizeFilter>), typeof(WordConverter<ImageFit>),
    ])]
[JsonSerializable(typeof(EncoderPackDefinition))]
internal sealed partial class EncoderPackJson : JsonSerializerContext;
