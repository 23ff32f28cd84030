using System.Text.Json;
using System.Text.Json.Serialization;
using FuseMix.Storage;

namespace FuseMix.Data.Latents;

/// <summary>An item that has no latent.</summary>
/// <param name="Id">The item.</param>
/// <param name="Reason">Why, in one line.</param>
public sealed record LatentFailure(string Id, string Reason);

/// <summary>What <c>manifest.json</c> of a latent set holds: the pointer to its plan. It is replaced only where the set is planned
/// anew.</summary>
/// <param name="Format">Version of the layout.</param>
/// <param name="Dataset">The dataset's name.</param>
/// <param name="DatasetFingerprint">The dataset as it was when the set was planned.</param>
/// <param name="Encoder">The encoder's name.</param>
/// <param name="EncoderFingerprint">The encoder pack's fingerprint.</param>
/// <param name="Dimension">Values per latent.</param>
/// <param name="Dtype">How they are stored.</param>
/// <param name="Plan">Name of the plan's two files, without <c>.json</c> for the shards and <c>.txt</c> for the ids.</param>
/// <param name="PlanSha256">Over the file of the shards.</param>
/// <param name="NextIndex">The number of the next shard that is planned.</param>
internal sealed record LatentManifest(
    int Format,
    string Dataset,
    Fingerprint DatasetFingerprint,
    string Encoder,
    Fingerprint EncoderFingerprint,
    int Dimension,
    LatentDtype Dtype,
    string Plan,
    string PlanSha256,
    int NextIndex)
{
    public const int CurrentFormat = 2;
    public const string FileName = "manifest.json";
    public const string Remedy = "Remove its folder and extract again.";

    /// <exception cref="FuseMixException">It is missing, cannot be read, or contradicts itself.</exception>
    public static LatentManifest Read(string folder)
    {
        var path = Path.Combine(folder, FileName);
        try
        {
            var content = File.ReadAllBytes(path);
            var format = JsonSerializer.Deserialize(content, LatentJson.Default.LatentFormat)?.Format;
            if (format is not null and not CurrentFormat)
                throw Damaged(path, $"its format is {format}, this version knows {CurrentFormat}");
            var manifest = JsonSerializer.Deserialize(content, LatentJson.Default.LatentManifest);
            var why = manifest is null ? "it is empty"
                : manifest.Dimension < 1 || manifest.NextIndex < 1 ? "its counts contradict each other"
                : manifest.Plan != Path.GetFileName(manifest.Plan) ? "its plan is elsewhere"
                : null;
            return why is null ? manifest! : throw Damaged(path, why);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new FuseMixException(FailureKind.NotFound, $"There is no latent set in '{folder}'.", inner: e);
        }
        catch (JsonException e)
        {
            throw Damaged(path, e.Message, e);
        }
    }

    public void Write(string folder) => AtomicFile.WriteJson(Path.Combine(folder, FileName), this, LatentJson.Default.LatentManifest);

    private static FuseMixException Damaged(string path, string why, Exception? inner = null) =>
        new(FailureKind.Corrupt, $"The latent manifest '{path}' is damaged: {why}.", Remedy, inner);
}

/// <summary>What every format's manifest says.</summary>
internal sealed record LatentFormat(int Format);

/// <summary>What <c>plan-….json</c> holds. It never changes.</summary>
/// <param name="IdsSha256">Over the file of the ids.</param>
/// <param name="Shards">Every shard, in the order of its rows.</param>
internal sealed record ShardTable(string IdsSha256, IReadOnlyList<PlannedShard> Shards);

/// <summary>One planned shard.</summary>
/// <param name="Index">Its number, which no other shard of this set ever gets: it stands for these items for good.</param>
/// <param name="Count">Planned items.</param>
/// <param name="IdBytes">Bytes of their ids in the file of the ids, each with its line's end.</param>
/// <param name="ItemsSha256">Over their ids and contents.</param>
internal sealed record PlannedShard(int Index, int Count, int IdBytes, string ItemsSha256);

/// <summary>What <c>shard-00000.json</c> holds: the shard is there if this file is, and the file that it names is whole. It never
/// changes.</summary>
/// <param name="ItemsSha256">The planned shard's, again.</param>
/// <param name="Rows">Number of latents.</param>
/// <param name="Sha256">Of the file with them.</param>
/// <param name="Failures">Its items that have no latent.</param>
/// <param name="Bytes">Size of the file with the latents; null in commits of before it was recorded.</param>
internal sealed record CommittedShard(
    string ItemsSha256, int Rows, string Sha256, IReadOnlyList<LatentFailure> Failures, long? Bytes = null)
{
    public static string FileName(int index) => $"shard-{index:D5}.json";

    /// <summary>Name of the file with the latents: it tells its content, so that two writers of one shard never write over one
    /// another.</summary>
    public static string LatentsFile(int index, string sha256) => $"shard-{index:D5}-{new Fingerprint(sha256).Short}.safetensors";

    /// <summary>The shard that a file's name says it belongs to; null for another kind of file.</summary>
    public static int? IndexOf(ReadOnlySpan<char> fileName)
    {
        const string Prefix = "shard-";
        if (!fileName.StartsWith(Prefix, StringComparison.Ordinal)) return null;
        var rest = fileName[Prefix.Length..];
        var end = rest.IndexOfAnyExceptInRange('0', '9');
        return end > 0 && int.TryParse(rest[..end], System.Globalization.CultureInfo.InvariantCulture, out var index) ? index : null;
    }
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    Converters = [typeof(FingerprintJson)],
    UseStringEnumConverter = true,
    WriteIndented = true,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(LatentManifest))]
[JsonSerializable(typeof(LatentFormat))]
internal sealed partial class LatentJson : JsonSerializerContext;

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(ShardTable))]
[JsonSerializable(typeof(CommittedShard))]
internal sealed partial class ShardJson : JsonSerializerContext;
