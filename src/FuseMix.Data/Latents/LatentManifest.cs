using System.Text.Json;
using System.Text.Json.Serialization;
using FuseMix.Storage;

namespace FuseMix.Data.Latents;

/// <summary>An item that has no latent.</summary>
/// <param name="Id">The item.</param>
/// <param name="Reason">Why, in one line.</param>
public sealed record LatentFailure(string Id, string Reason);

/// <summary>What <c>manifest.json</c> of a latent set holds; a shard is there exactly if it is committed here.</summary>
internal sealed record LatentManifest(
    int Format,
    string Dataset,
    Fingerprint DatasetFingerprint,
    string Encoder,
    Fingerprint EncoderFingerprint,
    int Dimension,
    LatentDtype Dtype,
    string PlanFile,
    string PlanSha256,
    int NextIndex,
    IReadOnlyList<ShardEntry> Shards)
{
    public const int CurrentFormat = 1;
    public const string FileName = "manifest.json";

    public bool IsComplete => Shards.All(s => s.Committed is not null);

    /// <exception cref="FuseMixException">It is missing, cannot be read, or contradicts itself.</exception>
    public static LatentManifest Read(string folder)
    {
        var path = Path.Combine(folder, FileName);
        try
        {
            var manifest = JsonSerializer.Deserialize(File.ReadAllBytes(path), LatentJson.Default.LatentManifest);
            var why = manifest is null ? "it is empty"
                : manifest.Format != CurrentFormat ? $"its format is {manifest.Format}, this version knows {CurrentFormat}"
                : manifest.Dimension < 1 || manifest.Shards.Any(s => s.Index < 0 || s.Index >= manifest.NextIndex || s.Count < 1
                    || s.Committed is { } c && (c.Rows < 0 || c.Rows + c.Failures.Count != s.Count)) ? "its counts contradict each other"
                : manifest.Shards.DistinctBy(s => s.Index).Count() != manifest.Shards.Count ? "it lists a shard twice"
                : manifest.PlanFile != Path.GetFileName(manifest.PlanFile) ? "its plan file is elsewhere"
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
        new(FailureKind.Corrupt, $"The latent manifest '{path}' is damaged: {why}.", "Remove its folder and extract again.", inner);
}

/// <summary>One planned shard.</summary>
/// <param name="Index">Its number, which no other shard of this set ever gets.</param>
/// <param name="Count">Planned items.</param>
/// <param name="ItemsSha256">Over their ids and contents.</param>
/// <param name="Committed">What was stored; null while it is pending.</param>
internal sealed record ShardEntry(int Index, int Count, string ItemsSha256, CommittedShard? Committed)
{
    [JsonIgnore]
    public string FileName => NameOf(Index);

    public static string NameOf(int index) => $"shard-{index:D5}.safetensors";
}

/// <summary>A stored shard.</summary>
/// <param name="Rows">Number of latents.</param>
/// <param name="Sha256">Of its file.</param>
/// <param name="Failures">Its items that have no latent.</param>
internal sealed record CommittedShard(int Rows, string Sha256, IReadOnlyList<LatentFailure> Failures);

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    Converters = [typeof(FingerprintJson)],
    UseStringEnumConverter = true,
    WriteIndented = true,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(LatentManifest))]
internal sealed partial class LatentJson : JsonSerializerContext;
