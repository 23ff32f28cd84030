using System.Text.Json;
using FuseMix.Contracts.Training;

namespace FuseMix.Contracts.Http;

/// <summary>What to train; see <see cref="TrainingRequest"/>.</summary>
/// <param name="Model">Name of the fusion model to make; replaced only when the job completes.</param>
/// <param name="Dataset">Name of a dataset with pairs between the modalities of the encoders.</param>
/// <param name="Encoders">Encoder pack per modality; several of one modality, whose latents stand side by side, as "a+b".</param>
/// <param name="Recipe">How to train, an object with the keys of <c>docs/training.md</c>; the preset "small" where missing.</param>
/// <param name="Seed">Decides every random number; 0 where missing.</param>
/// <param name="Fold">For cross-validation, e.g. "2/5": the second of five parts of train and validation stands in for validation, the
/// others for train.</param>
public sealed record TrainingBody(
    string? Model, string? Dataset, Dictionary<Modality, string?>? Encoders, JsonElement? Recipe = null, ulong? Seed = null,
    string? Fold = null)
{
    private const string PresetRecipe = """{"preset":"small"}""";

    /// <summary>What to send for a request.</summary>
    /// <exception cref="FuseMixException">The recipe is not JSON.</exception>
    public static TrainingBody Of(TrainingRequest request)
    {
        try
        {
            var encoders = request.Encoders.ToDictionary(entry => entry.Key, string? (entry) => entry.Value);
            return new TrainingBody(
                request.Model, request.Dataset, encoders, JsonElement.Parse(request.Recipe), request.Seed, request.Fold);
        }
        catch (JsonException error)
        {
            throw new FuseMixException(
                FailureKind.Invalid,
                $"The recipe is not JSON: {error.Message}",
                "A recipe is { \"preset\": \"small\", \"depth\": 4, … }.",
                error);
        }
    }

    /// <summary>The request under a job's id.</summary>
    /// <exception cref="FuseMixException">A key is missing, or a name breaks the rule for names.</exception>
    public TrainingRequest ToRequest(string jobId)
    {
        _ = ResourceName.Require(jobId, "job");
        var encoders = Given.Value(Encoders, "encoders").ToDictionary(
            entry => entry.Key,
            entry => EncoderNames.Join(
                EncoderNames.Parse(Given.Value(entry.Value, $"encoders.{entry.Key.ToString().ToLowerInvariant()}"))));
        return new TrainingRequest(
            jobId,
            ResourceName.Require(Given.Value(Model, "model"), "fusion model"),
            ResourceName.Require(Given.Value(Dataset, "dataset"), "dataset"),
            encoders,
            Recipe?.GetRawText() ?? PresetRecipe,
            Seed ?? 0,
            Fold);
    }
}
