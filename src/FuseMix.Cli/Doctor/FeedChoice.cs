using System.Text.Json;
using System.Text.Json.Serialization;

namespace FuseMix.Cli.Doctor;

/// <summary>What the launcher found out about the package feed, from <c>feed.json</c>.</summary>
internal sealed record FeedChoice
{
    public string GrainRuntime { get; init; } = "";

    public string GrainRuntimeReason { get; init; } = "";

    public string OnnxRuntimeSource { get; init; } = "";

    public string OnnxRuntimeReason { get; init; } = "";

    public bool UseGpu { get; init; }

    public string UseGpuReason { get; init; } = "";

    /// <summary>Whether the answer came from a feed that could not be asked, and will be looked for again.</summary>
    public bool Transient { get; init; }

    /// <summary>The choice that the launcher left in the home folder, or in that of the checkout that this program was built from; null where there is none.</summary>
    /// <exception cref="FuseMixException">The file cannot be read.</exception>
    public static FeedChoice? Find(string home, string programFolder)
    {
        var file = Candidates(home, programFolder).FirstOrDefault(File.Exists);
        if (file is null) return null;
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(file), FeedJson.Default.FeedChoice);
        }
        catch (JsonException error)
        {
            throw new FuseMixException(FailureKind.Corrupt, $"'{file}' cannot be read: {error.Message}", "'./fusemix doctor --redetect' writes it anew.", error);
        }
    }

    private static IEnumerable<string> Candidates(string home, string programFolder)
    {
        yield return Path.Combine(home, "feed.json");
        for (var folder = new DirectoryInfo(programFolder); folder is not null; folder = folder.Parent)
            yield return Path.Combine(folder.FullName, ".fusemix", "feed.json");
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(FeedChoice))]
internal sealed partial class FeedJson : JsonSerializerContext;
