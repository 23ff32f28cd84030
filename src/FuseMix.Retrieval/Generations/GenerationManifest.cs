using System.Text.Json.Serialization;
using FuseMix.Core.Evaluation;
using FuseMix.Storage;

namespace FuseMix.Retrieval.Generations;

/// <summary>What a generation of a collection is made from and of: it binds shards, metadata and the fusion model together.</summary>
/// <param name="Collection">The collection's name.</param>
/// <param name="Generation">The generation's id, unique for all time; every shard file carries it too.</param>
/// <param name="Model">The fusion model's name.</param>
/// <param name="ModelFingerprint">The fingerprint (64 hexadecimal digits) of the fusion model whose space the embeddings lie in.</param>
/// <param name="Dimension">Values per embedding.</param>
/// <param name="Columns">The metadata columns, the same in every shard.</param>
/// <param name="Shards">The shard files.</param>
/// <param name="CreatedAt">When it was committed.</param>
public sealed record GenerationManifest(
    [property: JsonRequired] string Collection,
    [property: JsonRequired] string Generation,
    [property: JsonRequired] string Model,
    [property: JsonRequired] string ModelFingerprint,
    [property: JsonRequired] int Dimension,
    [property: JsonRequired] IReadOnlyList<string> Columns,
    [property: JsonRequired] IReadOnlyList<ShardEntry> Shards,
    [property: JsonRequired] DateTimeOffset CreatedAt)
{
    /// <summary>Key of an <see cref="Origin"/> under which its dataset is named.</summary>
    public const string DatasetOrigin = "dataset";

    /// <summary>What the items were taken from, in the caller's words: the same origin builds the same generation.</summary>
    public IReadOnlyDictionary<string, string> Origin { get; init; } = new Dictionary<string, string>();

    /// <summary>The encoders of the fusion model, each by the fingerprint that its latents were extracted with.</summary>
    public IReadOnlyList<PinnedEncoder> Encoders { get; init; } = [];

    /// <summary>Name of the dataset that the items were taken from; empty where the origin names none.</summary>
    [JsonIgnore]
    public string Dataset => Origin.GetValueOrDefault(DatasetOrigin, "");

    /// <summary>Number of items in all shards.</summary>
    [JsonIgnore]
    public long Count => Shards.Sum(s => (long)s.Count);
}

/// <summary>An encoder that a generation was built with.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Fingerprint">Its fingerprint, 64 hexadecimal digits.</param>
public sealed record PinnedEncoder([property: JsonRequired] string Name, [property: JsonRequired] string Fingerprint);

/// <summary>One shard of a generation.</summary>
/// <param name="Name">Its name within the generation.</param>
/// <param name="File">The file's name within the generation's folder.</param>
/// <param name="Modality">What its items are.</param>
/// <param name="Count">Number of items.</param>
/// <param name="Sha256">SHA-256 of the whole file, as <c>sha256sum</c> prints it.</param>
public sealed record ShardEntry(
    [property: JsonRequired] string Name,
    [property: JsonRequired] string File,
    [property: JsonRequired, JsonConverter(typeof(ModalityName))] Modality Modality,
    [property: JsonRequired] int Count,
    [property: JsonRequired] string Sha256);

/// <summary>What a new generation is built with.</summary>
/// <param name="Model">The fusion model's name.</param>
/// <param name="ModelFingerprint">The fingerprint of the fusion model.</param>
/// <param name="Dimension">Values per embedding, 1 to 16384.</param>
/// <param name="Columns">The metadata columns of every shard.</param>
public sealed record GenerationSpec(string Model, Fingerprint ModelFingerprint, int Dimension, IReadOnlyList<string> Columns)
{
    /// <summary>What the items are taken from, in the caller's words, e.g. dataset → emoji.</summary>
    public IReadOnlyDictionary<string, string> Origin { get; init; } = new Dictionary<string, string>();

    /// <summary>The encoders of the fusion model, each by the fingerprint that its latents were extracted with.</summary>
    public IReadOnlyList<PinnedEncoder> Encoders { get; init; } = [];
}

/// <summary>What generations need to answer searches, and nobody may delete.</summary>
/// <param name="Models">Fusion models.</param>
/// <param name="Encoders">Encoder packs.</param>
public sealed record GenerationPins(IReadOnlySet<NamedContent> Models, IReadOnlySet<NamedContent> Encoders);

/// <summary>What a generation under construction will need.</summary>
internal sealed record GenerationNeeds(
    [property: JsonRequired] string Model,
    [property: JsonRequired] string ModelFingerprint,
    [property: JsonRequired] IReadOnlyList<PinnedEncoder> Encoders);

/// <summary>Which generation of a collection searches see.</summary>
internal sealed record LiveGeneration([property: JsonRequired] string Generation);

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    WriteIndented = true,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow)]
[JsonSerializable(typeof(GenerationManifest))]
[JsonSerializable(typeof(LiveGeneration))]
[JsonSerializable(typeof(GenerationNeeds))]
internal sealed partial class GenerationJson : JsonSerializerContext;
