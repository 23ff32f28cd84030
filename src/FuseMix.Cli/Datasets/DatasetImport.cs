using FuseMix.Cli.Output;
using FuseMix.Cli.Packages;
using FuseMix.Cli.Progress;
using FuseMix.Cli.Session;
using FuseMix.Data.Datasets;
using FuseMix.Data.Packages;

namespace FuseMix.Cli.Datasets;

/// <summary>How an import ended.</summary>
/// <param name="Statistics">What the dataset consists of.</param>
/// <param name="Reused">Whether the same content was there already.</param>
internal sealed record ImportOutcome(DatasetStatistics Statistics, bool Reused);

/// <summary>Imports datasets and saves them.</summary>
internal static class DatasetImport
{
    /// <summary>Datasets that are made of packages.</summary>
    public static IReadOnlyList<string> Known { get; } = [EmojiImporter.Name];

    /// <summary>The packages of a known dataset.</summary>
    /// <exception cref="FuseMixException">It is not a known one.</exception>
    public static IReadOnlyList<NpmPackage> PackagesOf(string known) => known == EmojiImporter.Name
        ? EmojiImporter.Packages
        : throw FuseMixException.UnknownName("known dataset", known, Known);

    /// <summary>Fetches and imports a known dataset.</summary>
    public static async Task<ImportOutcome> Import(CliRun run, string known)
    {
        await PackageFetch.Fetch(run, PackagesOf(known));
        using var progress = run.Terminal.Progress($"Importing {known}", new ProgressUnit("records"));
        var dataset = await EmojiImporter.ImportAsync(run.Home, new PackageStore(run.Home), fetching: null, Show(progress), run.Stop);
        return Save(run, dataset);
    }

    /// <summary>Imports a user's own data from one of three sources.</summary>
    public static async Task<ImportOutcome> Own(CliRun run, ImportSettings settings, string? folder, string? jsonLines, string? csv)
    {
        var home = run.Home.EnsureWritable();
        if (Known.Contains(settings.Name))
            throw new FuseMixException(FailureKind.Conflict, $"'{settings.Name}' is the name of a known dataset.", "Give your own another one with --name.");
        using var progress = run.Terminal.Progress($"Importing {settings.Name}", new ProgressUnit("records"));
        var dataset = await Task.Run(
            () => folder is not null ? FolderImporter.Import(home, folder, settings, Show(progress), run.Stop)
                : jsonLines is not null ? TableImporter.ImportJsonLines(home, jsonLines, settings, Show(progress), run.Stop)
                : TableImporter.ImportCsv(home, csv!, settings, Show(progress), run.Stop),
            run.Stop);
        return Save(run, dataset);
    }

    /// <summary>What became of it, in one line.</summary>
    public static string Describe(ImportOutcome outcome)
    {
        var s = outcome.Statistics;
        var what = $"{string.Join(", ", s.Items.Select(i => Phrases.Count(i.Count, i.Modality.ToString().ToLowerInvariant())))} in {Phrases.Count(s.Groups, "group")}; "
            + $"pairs: {Phrases.Count(s.PairsIn(Split.Train))} train, {Phrases.Count(s.PairsIn(Split.Validation))} validation, {Phrases.Count(s.PairsIn(Split.Test))} test";
        return outcome.Reused ? $"already imported, recognised by fingerprint {s.Fingerprint.Short} ({what})" : what;
    }

    /// <summary>Saves unless the same content stands there already, so that a second run changes nothing.</summary>
    private static ImportOutcome Save(CliRun run, Dataset dataset)
    {
        var store = new DatasetStore(run.Home);
        var statistics = dataset.Statistics();
        var reused = store.Exists(dataset.Name) && store.List().Any(d => d.Name == dataset.Name && d.Fingerprint == statistics.Fingerprint && d.Failures == statistics.Failures);
        if (!reused) store.Save(dataset);
        return new ImportOutcome(statistics, reused);
    }

    private static Relay<ImportProgress> Show(ProgressView progress) => new(p => progress.Report(new ProgressReading(p.Done, p.Total)
    {
        Detail = p.Failures > 0 ? $"{Phrases.Count(p.Failures)} failed" : null,
    }));
}
