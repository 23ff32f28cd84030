using System.CommandLine;
using FuseMix.Cli.CommandLine;
using FuseMix.Cli.Output;
using FuseMix.Cli.Session;
using FuseMix.Contracts;
using FuseMix.Contracts.Catalog;
using FuseMix.Contracts.Cluster;
using FuseMix.Contracts.Extraction;
using FuseMix.Contracts.Training;

namespace FuseMix.Cli.Status;

/// <summary>What <c>fusemix status</c> tells.</summary>
/// <param name="Cluster">The nodes.</param>
/// <param name="NodeOf">The other process of this machine that runs the node of the home folder; null for a node of this command, or a remote cluster.</param>
/// <param name="Extractions">Extractions that are not complete.</param>
/// <param name="Trainings">The first training jobs of the list: those that wait or run, then those that ended last.</param>
/// <param name="MoreTrainings">Whether the list goes on.</param>
/// <param name="LatentSets">Stored latents.</param>
/// <param name="Models">Fusion models.</param>
/// <param name="Collections">Collections.</param>
internal sealed record StatusReport(
    ClusterStatus Cluster,
    string? NodeOf,
    ExtractionStatus[] Extractions,
    TrainingStatus[] Trainings,
    bool MoreTrainings,
    LatentSetSummary[] LatentSets,
    ModelSummary[] Models,
    string[] Collections);

/// <summary><c>fusemix status</c></summary>
internal static class StatusCommand
{
    private static readonly Option<int> Trainings = new("--trainings")
    {
        Description = $"How many trainings to show at most, 1 to {ITrainerGrain.MostListed}",
        HelpName = "number",
        DefaultValueFactory = _ => 100,
    };

    public static Command Create() =>
        new CliCommand("status", "The nodes of the cluster, its jobs, and what is stored.")
            .With(Trainings)
            .WithExample("./fusemix status", "nodes, jobs and contents")
            .WithExample("./fusemix status --json", "the same for scripts")
            .Does(Run);

    private static async Task Run(CliRun run)
    {
        var client = run.Client;
        var cluster = await client.Cluster(run.Stop);
        var trainings = await client.Trainings(run.Get(Trainings), null, run.Stop);
        var report = new StatusReport(
            cluster,
            run.Host,
            [.. (await client.Extractions(run.Stop)).Where(e => e.State is not (JobState.Completed or JobState.Unknown))],
            trainings.Trainings,
            trainings.Next is not null,
            await client.LatentSets(run.Stop),
            await client.Models(run.Stop),
            [.. (await client.Collections(run.Stop)).Select(c => c.Name)]);
        run.Terminal.Result(report, CliJson.Relaxed.StatusReport, r => Show(run.Terminal, r));
    }

    private static void Show(Terminal terminal, StatusReport report)
    {
        terminal.Say(terminal.Out.Bold("Nodes"));
        var nodes = new Table("node", "roles", "state");
        foreach (var node in report.Cluster.Nodes) nodes.Row(node.Name, string.Join(", ", node.Roles), node.State);
        terminal.Draw(nodes);
        if (report.NodeOf is { } process) terminal.Say($"  in {process}");

        terminal.Say(terminal.Out.Bold("Jobs"));
        if (report.Extractions.Length + report.Trainings.Length == 0)
        {
            terminal.Say("  none yet");
        }
        else
        {
            var jobs = new Table("job", "state", ">done", "detail");
            foreach (var e in report.Extractions)
                jobs.Row($"extract {e.Dataset} × {e.Encoder}", Word(e.State), $"{Phrases.Count(e.ItemsDone)} / {Phrases.Count(e.Items)}", e.Error ?? "");
            foreach (var t in report.Trainings)
                jobs.Row($"train {t.Model}", Word(t.State), $"{Phrases.Count(t.Step)} / {Phrases.Count(t.Steps)}", t.Error ?? Figures(t));
            terminal.Draw(jobs);
            if (report.MoreTrainings) terminal.Say("  … and earlier trainings: --trainings N shows more");
        }

        terminal.Say(terminal.Out.Bold("Stored"));
        foreach (var set in report.LatentSets)
            terminal.Say($"  latents      {set.Dataset} × {set.Encoder}: {Phrases.Count(set.Count)} of {set.Dimension} dimensions{(set.Complete ? "" : ", not complete")}");
        foreach (var model in report.Models)
            terminal.Say($"  model        {model.Name}: {string.Join(" + ", model.Encoders.Values)}, {Phrases.Count(model.Steps, "step")}{(model.Error is null ? "" : $", {model.Error}")}");
        foreach (var collection in report.Collections) terminal.Say($"  collection   {collection}");
        if (report.LatentSets.Length + report.Models.Length + report.Collections.Length == 0) terminal.Say("  nothing yet; './fusemix demo' fills it");
    }

    private static string Word(JobState state) => state.ToString().ToLowerInvariant();

    private static string Figures(TrainingStatus training) => string.Join(", ", (string[])
    [
        .. double.IsFinite(training.Loss) ? [$"loss {Phrases.Fixed(training.Loss, 3)}"] : Array.Empty<string>(),
        .. training.Validation is { } last ? [$"R@1 {Phrases.Fixed(last.At1, 1)} %"] : Array.Empty<string>(),
    ]);
}
