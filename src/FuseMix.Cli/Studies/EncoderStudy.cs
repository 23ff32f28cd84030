using FuseMix.Cli.Evaluation;
using FuseMix.Cli.Session;

namespace FuseMix.Cli.Studies;

/// <summary>Every two encoders of different modalities whose latents a dataset has, and all of a modality side by side (the paper's HTS-AT ⊕ Whisper, section 5.1).</summary>
internal static class EncoderStudy
{
    public const string About = "Every two encoders of different modalities whose latents are stored, and all of a modality side by side";

    /// <exception cref="FuseMixException">The dataset has complete latents of fewer than two modalities.</exception>
    public static async Task<Study> Of(CliRun run, string dataset)
    {
        var modalities = (await run.Client.Encoders(run.Stop)).ToDictionary(encoder => encoder.Name, encoder => encoder.Modality);
        var stored = (await run.Client.LatentSets(run.Stop))
            .Where(set => set.Dataset == dataset && set.Complete && modalities.ContainsKey(set.Encoder))
            .Select(set => set.Encoder).Distinct().Order(StringComparer.Ordinal)
            .GroupBy(encoder => modalities[encoder]).OrderBy(encoders => encoders.Key).ToArray();
        var choices = stored.SelectMany(encoders => encoders.Append(EncoderNames.Join(encoders)).Distinct(), (encoders, Encoder) => (Modality: encoders.Key, Encoder)).ToArray();
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
            $"Dataset '{dataset}' has complete latents of {(stored is [] ? "no modality" : EvaluationTable.Word(stored[0].Key) + " only")}.",
            $"Run './fusemix extract {dataset}' first.");
    }
}
