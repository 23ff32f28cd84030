using FuseMix.Cli.Evaluation;
using FuseMix.Cli.Session;
using FuseMix.Cli.Training;

namespace FuseMix.Cli.Studies;

/// <summary>Every two encoders of different modalities whose latents a dataset has, and all of a modality side by side (the paper's HTS-AT
/// ⊕ Whisper, section 5.1).</summary>
internal static class EncoderStudy
{
    public const string About = "Every two encoders of different modalities whose latents are stored, and all of a modality side by side";

    /// <exception cref="FuseMixException">The dataset has complete latents of fewer than two modalities.</exception>
    public static async Task<Study> Of(CliRun run, string dataset)
    {
        var stored = (await TrainPlan.Available(run, dataset)).OrderBy(encoders => encoders.Key).ToArray();
        var choices = stored.SelectMany(
            encoders => encoders.Order(StringComparer.Ordinal).Append(EncoderNames.Join(encoders.Order(StringComparer.Ordinal))).Distinct(),
            (encoders, Encoder) => (Modality: encoders.Key, Encoder)).ToArray();
        var variants =
            from left in choices
            from right in choices
            where left.Modality < right.Modality
            select new StudyVariant($"{left.Encoder} with {right.Encoder}", [])
            {
                Encoders = new Dictionary<Modality, string> { [left.Modality] = left.Encoder, [right.Modality] = right.Encoder },
            };
        var all = variants.ToArray();
        return all.Length > 0 ? new Study("encoders", About, all) : throw new FuseMixException(
            FailureKind.NotFound,
            $"Dataset '{dataset}' has complete latents of "
                + $"{(stored is [] ? "no modality" : EvaluationTable.Word(stored[0].Key) + " only")}.",
            $"Run './fusemix extract {dataset}' first.");
    }
}
