using FuseMix.Contracts.Catalog;
using FuseMix.Data.Datasets;
using FuseMix.Data.Latents;
using FuseMix.Encoders.Packs;

namespace FuseMix.Grains.Catalog;

/// <summary>What the shared storage holds, in the words of messages.</summary>
internal static class Summaries
{
    public static EncoderSummary Of(EncoderPack pack)
    {
        var about = pack.Definition;
        return new EncoderSummary(
            pack.Name, about.Modality, about.Latent.Dimension, pack.Fingerprint.Hex, about.Licence, about.Origin, null, about.About);
    }

    public static DatasetSummary Of(DatasetStatistics dataset) => new(
        dataset.Name,
        dataset.Items.ToDictionary(count => count.Modality, count => count.Count),
        Enum.GetValues<Split>().ToDictionary(Word, dataset.PairsIn),
        dataset.Groups,
        dataset.Failures,
        dataset.Licence,
        null,
        dataset.Fingerprint.Hex,
        dataset.About);

    /// <summary>How many items without a latent are named per encoder.</summary>
    private const int NamedFailures = 20;

    public static DatasetDetails Details(Dataset dataset, IReadOnlyList<LatentSetStatus> latents)
    {
        var statistics = dataset.Statistics();
        return new DatasetDetails(
            Of(statistics),
            statistics.Items.ToDictionary(count => count.Modality, count => count.Bytes),
            [.. statistics.Pairs.Select(pairs => new PairSummary(pairs.First, pairs.Second, Word(pairs.Split), pairs.Count))],
            [.. statistics.Notices, .. latents.Where(set => set.DatasetFingerprint == dataset.Fingerprint).SelectMany(Failures)],
            [.. dataset.Failures.Take(DatasetDetails.MaxFailures).Select(failure => new FailureSummary(failure.Source, failure.Reason))]);
    }

    private static IEnumerable<string> Failures(LatentSetStatus latents)
    {
        if (latents.Failures.Count == 0) yield break;
        yield return $"{latents.Failures.Count} items have no latent by {latents.Encoder}:";
        foreach (var failure in latents.Failures.Take(NamedFailures)) yield return $"  {failure.Id}: {failure.Reason}";
        if (latents.Failures.Count > NamedFailures) yield return $"  … and {latents.Failures.Count - NamedFailures} more.";
    }

    private static string Word(Split split) => split.ToString().ToLowerInvariant();
}
