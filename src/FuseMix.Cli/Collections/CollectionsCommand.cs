using System.CommandLine;
using FuseMix.Cli.CommandLine;
using FuseMix.Cli.Evaluation;
using FuseMix.Cli.Models;
using FuseMix.Cli.Output;
using FuseMix.Cli.Session;
using FuseMix.Contracts.Collections;

namespace FuseMix.Cli.Collections;

/// <summary><c>fusemix collections</c></summary>
internal static class CollectionsCommand
{
    private static readonly Argument<string> Name = new("name") { Description = "Name of the collection" };

    private static readonly Option<string> Model = new("--model") { Description = "The fusion model whose space it lives in", HelpName = "name", Required = true };

    private static readonly Option<string?> Dataset = new("--dataset")
    {
        Description = "The dataset that it makes searchable (default: the one that the model was trained on)",
        HelpName = "name",
    };

    private static readonly Option<int> RowsPerShard = new("--rows-per-shard")
    {
        Description = "Items per shard (default: 65,536)",
        HelpName = "n",
        DefaultValueFactory = _ => 65_536,
    };

    private static readonly Option<bool> Keep = new("--no-replace") { Description = "Fail if the collection is of another dataset or model" };

    public static Command Create() =>
        new CliCommand("collections", "Searchable collections: build, list, roll back, drop.").With(
            new CliCommand("list", "The collections, with what they hold.")
                .WithExample("./fusemix collections list", "one line each")
                .Does(List),
            new CliCommand("build", "Embed a dataset with a fusion model and make it searchable. Searches go on with the generation before until the new one is whole.")
                .With(Name, Model, Dataset, RowsPerShard, Keep)
                .WithExample("./fusemix collections build emoji --model emoji-small", "all that the model was trained on")
                .WithExample("./fusemix collections build mine --model emoji-small --dataset holiday", "other pictures in the same space")
                .Does(Build),
            new CliCommand("show", "What one collection holds: shards and generations.")
                .With(Name)
                .WithExample("./fusemix collections show emoji", "its shards and generations")
                .Does(Status),
            new CliCommand("rollback", "Make the generation before the live one live again.")
                .With(Name)
                .WithExample("./fusemix collections rollback emoji", "undo the last build")
                .Does(RollBack),
            new CliCommand("drop", "Remove a collection with all its generations. Datasets, latents and models stay.")
                .With(Name)
                .WithExample("./fusemix collections drop emoji", "it can be built again")
                .Does(Drop));

    public static string Describe(CollectionStatus status)
    {
        var counts = status.Shards.Select(s => s.Modality).Distinct().Order().Select(m => Phrases.Count(status.Count(m), EvaluationTable.Word(m)));
        return $"{string.Join(" and ", counts)}, {status.Dimension} dimensions, {Phrases.Count(status.Shards.Length, "shard")}, generation {status.Generation}";
    }

    private static async Task List(CliRun run)
    {
        var all = await run.Client.Collections(run.Stop);
        run.Terminal.Result(all, CliJson.Relaxed.CollectionStatusArray, Show);

        void Show(CollectionStatus[] collections)
        {
            if (collections.Length == 0)
            {
                run.Terminal.Say("No collections yet. './fusemix demo' builds one, or './fusemix collections build NAME --model MODEL'.");
                return;
            }

            var table = new Table("collection", "dataset", "model", "items", ">shards", "generation", ">generations");
            foreach (var c in collections)
            {
                var items = string.Join(", ", c.Shards.Select(s => s.Modality).Distinct().Order().Select(m => Phrases.Count(c.Count(m), EvaluationTable.Word(m))));
                table.Row(c.Name, c.Dataset, c.Model, items, Phrases.Count(c.Shards.Length), c.Generation, Phrases.Count(c.Generations.Length));
            }

            run.Terminal.Draw(table);
        }
    }

    private static async Task Build(CliRun run)
    {
        var model = run.Get(Model)!;
        var rows = run.Get(RowsPerShard);
        if (rows < 1) throw new FuseMixException(FailureKind.Invalid, $"--rows-per-shard must be at least 1, not {rows}.");
        var dataset = run.Get(Dataset) ?? await ModelCatalog.DatasetOf(run, model);
        var started = run.Terminal.Clock.GetTimestamp();
        var (status, reused) = await BuildWork.Run(run, run.Get(Name), new CollectionBuild(model, dataset, rows, Replace: !run.Get(Keep)));
        var items = (await run.Client.Datasets(run.Stop)).FirstOrDefault(d => d.Name == dataset)?.Items ?? [];
        run.Terminal.Result(status, CliJson.Relaxed.CollectionStatus, s =>
        {
            run.Terminal.Say($"{run.Terminal.Out.Green("✓")} {s.Name}: {(reused ? "already there: " : "")}{Describe(s)} ({Phrases.Duration(run.Terminal.Clock.GetElapsedTime(started))})");
            foreach (var modality in s.Shards.Select(shard => shard.Modality).Distinct().Order())
            {
                var missing = items.GetValueOrDefault(modality) - s.Count(modality);
                if (missing <= 0) continue;
                run.Terminal.Say($"  {run.Terminal.Out.Yellow("!")} {Phrases.Count(missing)} of {Phrases.Count(items[modality], EvaluationTable.Word(modality))} have no latent and are not in it; "
                    + $"'./fusemix datasets show {dataset}' names them.");
            }
        });
    }

    private static async Task Status(CliRun run) =>
        run.Terminal.Result(await run.Client.Collection(run.Get(Name), run.Stop), CliJson.Relaxed.CollectionStatus, s => Show(run.Terminal, s));

    private static async Task RollBack(CliRun run)
    {
        var client = run.ClientToWork();
        var status = await client.Collection(run.Get(Name), run.Stop);
        var earlier = status.Generations.SkipWhile(generation => generation != status.Generation).ElementAtOrDefault(1)
            ?? throw new FuseMixException(
                FailureKind.Conflict, $"Collection '{status.Name}' has no generation before '{status.Generation}'.", "Build a new one instead.");
        run.Terminal.Result(await client.GoLive(status.Name, earlier, run.Stop), CliJson.Relaxed.CollectionStatus, s => Show(run.Terminal, s));
    }

    private static async Task Drop(CliRun run)
    {
        var client = run.ClientToWork();
        var status = await client.Collection(run.Get(Name), run.Stop);
        var gone = new List<string>();
        if ((await client.Datasets(run.Stop)).All(dataset => dataset.Name != status.Dataset)) gone.Add($"the dataset '{status.Dataset}'");
        if ((await client.Models(run.Stop)).All(model => model.Name != status.Model)) gone.Add($"the fusion model '{status.Model}'");
        await client.Drop(status.Name, run.Stop);
        var again = gone.Count == 0
            ? $"'./fusemix collections build {status.Name} --model {status.Model} --dataset {status.Dataset}' makes it again."
            : $"It cannot be made again as things are: {string.Join(" and ", gone)} {(gone.Count == 1 ? "is" : "are")} gone.";
        run.Terminal.Result(
            status, CliJson.Relaxed.CollectionStatus, s => run.Terminal.Say($"{run.Terminal.Out.Green("✓")} Dropped {s.Name}. {again}"));
    }

    private static void Show(Terminal terminal, CollectionStatus status)
    {
        terminal.Say($"{terminal.Out.Bold(status.Name)}: dataset {status.Dataset} in the space of {status.Model}");
        terminal.Say(Describe(status));
        var table = new Table("shard", "modality", ">items");
        foreach (var shard in status.Shards) table.Row(shard.Name, EvaluationTable.Word(shard.Modality), Phrases.Count(shard.Count));
        terminal.Draw(table);
        foreach (var generation in status.Generations) terminal.Say($"  {(generation == status.Generation ? "live " : "     ")}{generation}");
    }
}
