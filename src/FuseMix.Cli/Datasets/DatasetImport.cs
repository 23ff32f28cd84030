using FuseMix.Cli.Evaluation;
using FuseMix.Cli.Output;
using FuseMix.Cli.Packages;
using FuseMix.Cli.Progress;
using FuseMix.Cli.Session;
using FuseMix.Contracts.Catalog;
using FuseMix.Data.Datasets;
using FuseMix.Data.Packages;

namespace FuseMix.Cli.Datasets;

/// <summary>How an import ended.</summary>
/// <param name="Details">What the dataset consists of.</param>
/// <param name="Reused">Whether the same content was there already.</param>
internal sealed record ImportOutcome(DatasetDetails Details, bool Reused);

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

    /// <summary>Fetches and imports a known dataset, on this machine.</summary>
    public static async Task<ImportOutcome> Import(CliRun run, string known)
    {
        await PackageFetch.Fetch(run, PackagesOf(known));
        using var progress = run.Terminal.Progress($"Importing {known}", new ProgressUnit("records"));
        var dataset = await EmojiImporter.ImportAsync(
            run.Home,
            new PackageStore(run.Home),
            fetching: null,
            new Relay<ImportProgress>(p => progress.Report(new ProgressReading(p.Done, p.Total))),
            run.Stop);
        var before = await Before(run, known);
        var statistics = dataset.Statistics();
        var reused = before is not null && before.Fingerprint == statistics.Fingerprint.Hex && before.Failures == statistics.Failures;
        if (!reused) new DatasetStore(run.Home).Save(dataset);
        return new ImportOutcome(await run.Client.Dataset(known, run.Stop), reused);
    }

    /// <summary>Imports a user's own data.</summary>
    public static async Task<ImportOutcome> Own(CliRun run, string name, DatasetSource source)
    {
        if (Known.Contains(name)) throw new FuseMixException(
            FailureKind.Conflict, $"'{name}' is the name of a known dataset.", "Give your own another one with --name.");
        if (run.IsRemote && source.Format != DatasetFormat.Folder)
            source = source with { Files = TableImporter.FilesOf(source.Path, source.Format == DatasetFormat.Csv) };
        var before = await Before(run, name);
        DatasetSummary after;
        var (title, unit) = run.IsRemote ? ($"Sending {name}", ProgressUnit.Bytes) : ($"Importing {name}", new ProgressUnit("records"));
        using (var progress = run.Terminal.Progress(title, unit))
        {
            var meter = new RateMeter(run.Terminal.Clock);
            var relay = new Relay<UploadProgress>(p => progress.Report(new ProgressReading(p.Done, p.Total)
            {
                PerSecond = run.IsRemote ? meter.Update(p.Done) : 0,
                Detail = run.IsRemote && p.Done == p.Total ? "importing" : null,
            }));
            after = await run.Client.PutDataset(name, source, relay, run.Stop);
        }

        var reused = before is not null && before.Fingerprint == after.Fingerprint && before.Failures == after.Failures;
        return new ImportOutcome(await run.Client.Dataset(name, run.Stop), reused);
    }

    /// <summary>What became of it, in one line.</summary>
    public static string Describe(ImportOutcome outcome)
    {
        var s = outcome.Details.Summary;
        var what = $"{string.Join(", ", s.Items.OrderBy(i => i.Key).Select(i => Phrases.Count(i.Value, EvaluationTable.Word(i.Key))))} "
            + $"in {Phrases.Count(s.Groups, "group")}; "
            + $"pairs: {string.Join(", ", Splits.Select(split => $"{Phrases.Count(s.Pairs.GetValueOrDefault(split))} {split}"))}";
        return outcome.Reused ? $"already imported, recognised by fingerprint {s.Fingerprint[..16]} ({what})" : what;
    }

    /// <summary>The splits of a dataset, in the order in which people name them.</summary>
    public static readonly string[] Splits = ["train", "validation", "test"];

    private static async Task<DatasetSummary?> Before(CliRun run, string name) =>
        (await run.Client.Datasets(run.Stop)).FirstOrDefault(d => d.Name == name);
}
