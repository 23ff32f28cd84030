using FuseMix.Cli.Evaluation;
using FuseMix.Cli.Session;

namespace FuseMix.Cli.Studies;

/// <summary>Every two encoders of different modalities whose latents a dataset has.</summary>
internal static class EncoderStudy
{
    public const string About = "Every two encoders of different modalities whose latents are stored";

    /// <exception cref="FuseMixException">The dataset has complete latents of fewer than two modalities.</exception>
    public static async Task<Study> Of(CliRun run, string dataset)
    {
        var modalities = (await run.Client.Encoders(run.Stop)).ToDictionary(encoder => encoder.Name, encoder => encoder.Modality);
        var stored = (await run.Client.LatentSets(run.Stop))
            .Where(set => set.Dataset == dataset && set.Complete && modalities.ContainsKey(set.Encoder))
            .Select(set => set.Encoder).Distinct().Order(StringComparer.Ordinal).ToArray();
        var variants =
            from left in stored
            from right in stored
            where modalities[left] < modalities[right]
            select new StudyVariant($"{left} with {right}", [])
            {
                Encoders = new Dictionary<Modality, string> { [modalities[left]] = left, [modalities[right]] = right },
            };
        var all = variants.ToArray();
        return all.Length > 0 ? new Study("encoders", About, all) : throw new FuseMixException(
            FailureKind.NotFound,
            $"Dataset '{dataset}' has complete latents of {(stored.Length == 0 ? "no modality" : EvaluationTable.Word(modalities[stored[0]]) + " only")}.",
            $"Run './fusemix extract {dataset}' first.");
    }
}
