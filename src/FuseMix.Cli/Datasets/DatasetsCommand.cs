using System.CommandLine;
using FuseMix.Cli.CommandLine;
using FuseMix.Cli.Evaluation;
using FuseMix.Cli.Output;
using FuseMix.Cli.Session;
using FuseMix.Contracts.Catalog;

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

    private static readonly Option<string?> Folder = FilePath.Option(
        "--folder", "path", "A folder of pictures or sounds with captions in text files beside them");

    private static readonly Option<string?> JsonLines = FilePath.Option("--jsonl", "file", "A table with a JSON object per line");

    private static readonly Option<string?> Csv = FilePath.Option("--csv", "file", "A table with a heading");

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
            new CliCommand("remove", "Forget a dataset. Your own files stay, uploaded ones are deleted; latents and models made of it stay.")
                .With(Name, Removal.Force)
                .WithExample("./fusemix datasets remove mine", "it can be imported again")
                .WithExample("./fusemix datasets remove mine --force", "though a collection is made of it")
                .Does(Remove));

    private static async Task List(CliRun run) =>
        run.Terminal.Result(await run.Client.Datasets(run.Stop), CliJson.Relaxed.DatasetSummaryArray, all =>
        {
            if (all.Length == 0)
            {
                run.Terminal.Say("No datasets yet. './fusemix datasets import emoji' fetches one, --folder takes your own.");
                return;
            }

            var table = new Table("dataset", "items", ">train", ">validation", ">test", ">groups", ">failed", "licence");
            foreach (var d in all)
            {
                table.Row([
                    d.Name, d.Error ?? Items(d), .. DatasetImport.Splits.Select(split => Phrases.Count(d.Pairs.GetValueOrDefault(split))),
                    Phrases.Count(d.Groups), Phrases.Count(d.Failures), d.Licence]);
            }

            run.Terminal.Draw(table);
        });

    private static async Task Import(CliRun run)
    {
        var known = run.Get(Known);
        (DatasetFormat Format, string? Path)[] own = [(DatasetFormat.Folder, run.Get(Folder)), (DatasetFormat.JsonLines, run.Get(JsonLines)), (DatasetFormat.Csv, run.Get(Csv))];
        own = [.. own.Where(source => source.Path is not null)];
        if (own.Length + (known is null ? 0 : 1) != 1)
        {
            throw new FuseMixException(
                FailureKind.Invalid, "One source is needed: a known dataset, --folder, --jsonl or --csv.",
                $"For example './fusemix datasets import {DatasetImport.Known[0]}' or './fusemix datasets import --folder ~/pictures --name mine'.");
        }

        var started = run.Terminal.Clock.GetTimestamp();
        ImportOutcome outcome;
        if (known is not null)
        {
            _ = DatasetImport.PackagesOf(known);
            if (run.IsRemote)
            {
                throw new FuseMixException(
                    FailureKind.Invalid, $"'{known}' is fetched from packages, which a remote cluster is not sent.",
                    $"Run './fusemix datasets import {known}' where the home folder of the cluster is, naming that with --home.");
            }

            outcome = await DatasetImport.Import(run, known);
        }
        else
        {
            var name = run.Get(NewName) ?? throw new FuseMixException(FailureKind.Invalid, "Your own dataset needs a name.", "Give one with --name, for example --name mine.");
            var source = new DatasetSource(own[0].Format, own[0].Path!);
            if (run.Get(Licence) is { } licence) source = source with { Licence = licence };
            outcome = await DatasetImport.Own(run, name, source);
        }

        var summary = outcome.Details.Summary;
        run.Terminal.Result(summary, CliJson.Relaxed.DatasetSummary, s =>
        {
            run.Terminal.Say($"{run.Terminal.Out.Green("✓")} {s.Name}: {DatasetImport.Describe(outcome)} ({Phrases.Duration(run.Terminal.Clock.GetElapsedTime(started))})");
            foreach (var notice in outcome.Details.Notices) run.Terminal.Say($"  {notice}");
            if (s.Failures > 0) run.Terminal.Say($"  {run.Terminal.Out.Yellow(Phrases.Count(s.Failures, "source"))} could not be imported; './fusemix datasets show {s.Name}' names them.");
        });
    }

    private static async Task Show(CliRun run) =>
        run.Terminal.Result(await run.Client.Dataset(run.Get(Name), run.Stop), CliJson.Relaxed.DatasetDetails, d =>
        {
            var s = d.Summary;
            run.Terminal.Say($"{run.Terminal.Out.Bold(s.Name)}: {s.About}");
            run.Terminal.Say($"Licence: {s.Licence}. Fingerprint {s.Fingerprint[..16]}, {Phrases.Count(s.Groups, "group")} that splits never cut.");
            var items = new Table("items", ">count", ">size");
            foreach (var (modality, count) in s.Items.OrderBy(i => i.Key)) items.Row(EvaluationTable.Word(modality), Phrases.Count(count), Phrases.Bytes(d.Bytes.GetValueOrDefault(modality)));
            run.Terminal.Draw(items);
            var pairs = new Table("pairs", ">train", ">validation", ">test");
            foreach (var kind in d.Pairs.GroupBy(p => (p.First, p.Second)))
            {
                pairs.Row([
                    $"{EvaluationTable.Word(kind.Key.First)} – {EvaluationTable.Word(kind.Key.Second)}",
                    .. DatasetImport.Splits.Select(split => Phrases.Count(kind.Where(p => p.Split == split).Sum(p => p.Count)))]);
            }

            run.Terminal.Draw(pairs);
            foreach (var notice in d.Notices) run.Terminal.Say(notice);
            if (s.Failures == 0) return;
            run.Terminal.Say(run.Terminal.Out.Yellow($"{Phrases.Count(s.Failures, "source")} could not be imported:"));
            foreach (var failure in d.Failures.Take(20)) run.Terminal.Say($"  {failure.Source}: {failure.Reason}");
            if (s.Failures > 20) run.Terminal.Say($"  … and {Phrases.Count(s.Failures - 20)} more; --json lists {(s.Failures > d.Failures.Length ? $"the first {Phrases.Count(d.Failures.Length)}" : "them all")}.");
        });

    private static async Task Remove(CliRun run)
    {
        var summary = (await run.Client.Dataset(run.Get(Name), run.Stop)).Summary;
        await Removal.Run(run, force => run.Client.RemoveDataset(summary.Name, force, run.Stop));
        run.Terminal.Result(summary, CliJson.Relaxed.DatasetSummary, s => run.Terminal.Say(
            $"{run.Terminal.Out.Green("✓")} Forgot {s.Name} ({Items(s)}); your own files are where they were, uploaded ones are deleted."));
    }

    private static string Items(DatasetSummary dataset) =>
        string.Join(", ", dataset.Items.OrderBy(i => i.Key).Select(i => Phrases.Count(i.Value, EvaluationTable.Word(i.Key))));
}
