using System.CommandLine;
using FuseMix.Cli.CommandLine;
using FuseMix.Cli.Evaluation;
using FuseMix.Cli.Output;
using FuseMix.Cli.Session;
using FuseMix.Data.Datasets;

namespace FuseMix.Cli.Datasets;

/// <summary><c>fusemix datasets</c></summary>
internal static class DatasetsCommand
{
    private static readonly Argument<string> Name = new("name") { Description = "Name of a dataset" };

    private static readonly Argument<string?> Known = new("known")
    {
        Description = $"A dataset that is fetched: {string.Join(", ", DatasetImport.Known)}",
        HelpName = "known",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private static readonly Option<string?> Folder = new("--folder") { Description = "A folder of pictures or sounds with captions in text files beside them", HelpName = "path" };

    private static readonly Option<string?> JsonLines = new("--jsonl") { Description = "A table with a JSON object per line", HelpName = "file" };

    private static readonly Option<string?> Csv = new("--csv") { Description = "A table with a heading", HelpName = "file" };

    private static readonly Option<string?> NewName = new("--name") { Description = "What to call your own dataset", HelpName = "name" };

    private static readonly Option<string?> Licence = new("--licence") { Description = "The terms of your own data", HelpName = "text" };

    public static Command Create() =>
        new CliCommand("datasets", "Datasets: items, which of them belong together, and their splits.").With(
            new CliCommand("list", "The datasets here.")
                .WithExample("./fusemix datasets list", "one line each")
                .Does(List),
            new CliCommand("import", "Import a dataset. Files stay where they are; what cannot be taken is recorded, never dropped in silence.")
                .With(Known, Folder, JsonLines, Csv, NewName, Licence)
                .WithExample("./fusemix datasets import emoji", "fetch and import the demo's emoji")
                .WithExample("./fusemix datasets import --folder ~/pictures --name mine", "cat.png takes its captions from cat.txt")
                .WithExample("./fusemix datasets import --csv pairs.csv --name mine", "columns image, audio, text; optionally group, split, id")
                .WithExample("./fusemix datasets import --jsonl pairs.jsonl --name mine", "keys as the columns; text may be a list")
                .Does(Import),
            new CliCommand("show", "One dataset: counts, splits, and what could not be imported.")
                .With(Name)
                .WithExample("./fusemix datasets show emoji", "counts, splits, failures")
                .Does(Show),
            new CliCommand("remove", "Forget a dataset. The files that it points to stay, and so do latents and models made of it.")
                .With(Name)
                .WithExample("./fusemix datasets remove mine", "it can be imported again")
                .Does(Remove));

    private static void List(CliRun run) =>
        run.Terminal.Result(new DatasetStore(run.Home).List().ToArray(), CliJson.Relaxed.DatasetStatisticsArray, all =>
        {
            if (all.Length == 0)
            {
                run.Terminal.Say("No datasets yet. './fusemix datasets import emoji' fetches one, --folder takes your own.");
                return;
            }

            var table = Tables.Of("dataset", "items", ">train", ">validation", ">test", ">groups", ">failed", "licence");
            foreach (var d in all)
            {
                table.Row(
                    d.Name, Items(d), Phrases.Count(d.PairsIn(Split.Train)), Phrases.Count(d.PairsIn(Split.Validation)), Phrases.Count(d.PairsIn(Split.Test)),
                    Phrases.Count(d.Groups), Phrases.Count(d.Failures), d.Licence);
            }

            run.Terminal.Draw(table);
        });

    private static async Task Import(CliRun run)
    {
        var known = run.Get(Known);
        var (folder, jsonLines, csv) = (run.Get(Folder), run.Get(JsonLines), run.Get(Csv));
        if (new[] { known, folder, jsonLines, csv }.Count(s => s is not null) != 1)
        {
            throw new FuseMixException(
                FailureKind.Invalid, "One source is needed: a known dataset, --folder, --jsonl or --csv.",
                $"For example './fusemix datasets import {DatasetImport.Known[0]}' or './fusemix datasets import --folder ~/pictures --name mine'.");
        }

        var started = run.Terminal.Clock.GetTimestamp();
        ImportOutcome outcome;
        if (known is not null)
        {
            outcome = await DatasetImport.Import(run, known);
        }
        else
        {
            var name = run.Get(NewName) ?? throw new FuseMixException(FailureKind.Invalid, "Your own dataset needs a name.", "Give one with --name, for example --name mine.");
            var settings = new ImportSettings(name);
            if (run.Get(Licence) is { } licence) settings = settings with { Licence = licence };
            outcome = await DatasetImport.Own(run, settings, folder, jsonLines, csv);
        }

        run.Terminal.Result(outcome.Statistics, CliJson.Relaxed.DatasetStatistics, s =>
        {
            run.Terminal.Say($"{run.Terminal.Out.Green("✓")} {s.Name}: {DatasetImport.Describe(outcome)} ({Phrases.Duration(run.Terminal.Clock.GetElapsedTime(started))})");
            foreach (var notice in s.Notices) run.Terminal.Say($"  {notice}");
            if (s.Failures > 0) run.Terminal.Say($"  {run.Terminal.Out.Yellow(Phrases.Count(s.Failures, "source"))} could not be imported; './fusemix datasets show {s.Name}' names them.");
        });
    }

    private static void Show(CliRun run)
    {
        var dataset = new DatasetStore(run.Home).Load(run.Get(Name));
        var statistics = dataset.Statistics();
        run.Terminal.Result(new DatasetDetails(statistics, [.. dataset.Failures]), CliJson.Relaxed.DatasetDetails, d =>
        {
            run.Terminal.Say($"{run.Terminal.Out.Bold(d.Statistics.Name)}: {d.Statistics.About}");
            run.Terminal.Say($"Licence: {d.Statistics.Licence}. Fingerprint {d.Statistics.Fingerprint.Short}, {Phrases.Count(d.Statistics.Groups, "group")} that splits never cut.");
            var items = Tables.Of("items", ">count", ">size");
            foreach (var i in d.Statistics.Items) items.Row(EvaluationTable.Word(i.Modality), Phrases.Count(i.Count), Phrases.Bytes(i.Bytes));
            run.Terminal.Draw(items);
            var pairs = Tables.Of("pairs", ">train", ">validation", ">test");
            foreach (var kind in d.Statistics.Pairs.GroupBy(p => (p.First, p.Second)))
            {
                pairs.Row([
                    $"{EvaluationTable.Word(kind.Key.First)} – {EvaluationTable.Word(kind.Key.Second)}",
                    .. new[] { Split.Train, Split.Validation, Split.Test }.Select(s => Phrases.Count(kind.Where(p => p.Split == s).Sum(p => p.Count)))]);
            }

            run.Terminal.Draw(pairs);
            foreach (var notice in d.Statistics.Notices) run.Terminal.Say(notice);
            if (d.Failures.Length == 0) return;
            run.Terminal.Say(run.Terminal.Out.Yellow($"{Phrases.Count(d.Failures.Length, "source")} could not be imported:"));
            foreach (var failure in d.Failures.Take(20)) run.Terminal.Say($"  {failure.Source}: {failure.Reason}");
            if (d.Failures.Length > 20) run.Terminal.Say($"  … and {Phrases.Count(d.Failures.Length - 20)} more; --json lists them all.");
        });
    }

    private static void Remove(CliRun run)
    {
        var store = new DatasetStore(run.Home);
        var statistics = store.Load(run.Get(Name)).Statistics();
        store.Remove(statistics.Name);
        run.Terminal.Result(statistics, CliJson.Relaxed.DatasetStatistics, s => run.Terminal.Say($"{run.Terminal.Out.Green("✓")} Forgot {s.Name} ({Items(s)}); its files are where they were."));
    }

    private static string Items(DatasetStatistics statistics) =>
        string.Join(", ", statistics.Items.Select(i => Phrases.Count(i.Count, EvaluationTable.Word(i.Modality))));
}

/// <summary>A dataset with what could not be imported.</summary>
internal sealed record DatasetDetails(DatasetStatistics Statistics, ImportFailure[] Failures);
