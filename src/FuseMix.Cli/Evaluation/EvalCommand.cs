using System.CommandLine;
using FuseMix.Cli.CommandLine;
using FuseMix.Cli.Models;
using FuseMix.Cli.Output;
using FuseMix.Cli.Session;
using FuseMix.Contracts.Training;
using FuseMix.Core.Evaluation;

namespace FuseMix.Cli.Evaluation;

/// <summary><c>fusemix eval</c></summary>
internal static class EvalCommand
{
    private static readonly Argument<string> Model = new("model") { Description = "Name of a fusion model" };

    private static readonly Option<string?> Dataset = new("--dataset")
    {
        Description = "The dataset to measure on (default: the one that it was trained on)",
        HelpName = "name",
    };

    private static readonly Option<string> Split = Choice.Of("--split", "test", "train, validation or test", "train", "validation", "test");

    private static readonly Option<string?> Without = new("--without")
    {
        Description = "Leave out items whose metadata have this key set to true, e.g. isFlag",
        HelpName = "key",
    };

    public static Command Create() =>
        new CliCommand("eval", "Measure a fusion model: recall at 1, 5 and 10 in every direction, ties broken against it.")
            .With(Model, Dataset, Split, Without)
            .WithExample("./fusemix eval emoji-small", "on the test split")
            .WithExample("./fusemix eval emoji-small --without isFlag", "the same without the flags")
            .WithExample("./fusemix eval emoji-small --split validation --json", "as JSON")
            .Does(Run);

    private static async Task Run(CliRun run)
    {
        var model = run.Get(Model);
        var dataset = run.Get(Dataset) ?? await ModelCatalog.DatasetOf(run, model);
        var report = await run.ClientToWork().Evaluate(new EvaluationRequest(model, dataset, run.Get(Split)!, run.Get(Without)), run.Stop);
        run.Terminal.Result(report, CliJson.Relaxed.EvaluationReport, Show);

        void Show(EvaluationReport r)
        {
            run.Terminal.Say($"{r.Model} on the {r.Split} split of {r.Dataset}{(r.Without is null ? "" : $", without '{r.Without}'")}");
            run.Terminal.Draw(EvaluationTable.Of(r));
            if (PairCaution.OfQueries(r.Directions.Min(d => d.Queries)) is { } few)
                run.Terminal.Say($"{run.Terminal.Out.Yellow("!")} {few}");
            run.Terminal.Say($"Mean of the {r.Directions.Length * 3} figures: {run.Terminal.Out.Bold(Phrases.Fixed(r.Mean, 1))}");
        }
    }
}
