using System.CommandLine;
using FuseMix.Cli.CommandLine;
using FuseMix.Cli.Output;
using FuseMix.Cli.Session;
using FuseMix.Contracts.Cluster;
using FuseMix.Contracts.Extraction;

namespace FuseMix.Cli.Extraction;

/// <summary><c>fusemix extract</c></summary>
internal static class ExtractCommand
{
    private static readonly Argument<string> Dataset = new("dataset") { Description = "Name of a dataset" };

    private static readonly Argument<string[]> Encoders = new("encoder")
    {
        Description = "Names of encoders; none: every installed one whose modality the dataset has",
        Arity = ArgumentArity.ZeroOrMore,
    };

    private static readonly Option<string?> Accelerator = new("--accelerator")
    {
        Description = $"Only on nodes that have this: {string.Join(", ", Accelerators.Known)} (default: on every node that extracts)",
        HelpName = "name",
    };

    public static Command Create() =>
        new CliCommand(
            "extract",
            "Run frozen encoders over a dataset and store the latents. What is stored is never extracted again; an interrupted run goes "
                + "on.")
            .With(Dataset, Encoders, Accelerator)
            .WithExample("./fusemix extract emoji", "every installed encoder that fits")
            .WithExample("./fusemix extract emoji use-lite", "one encoder")
            .WithExample("./fusemix extract emoji big-encoder --accelerator cuda", "a heavy encoder, only where there is a GPU")
            .WithExample("./fusemix extract emoji --json", "the outcome as JSON")
            .Does(Run);

    private static async Task Run(CliRun run)
    {
        var dataset = run.Get(Dataset);
        var encoders = run.Get(Encoders);
        if (encoders.Length == 0) encoders = await Fitting(run, dataset);

        var done = new List<ExtractionStatus>();
        foreach (var encoder in encoders)
        {
            var status = await ExtractionWork.Run(run, dataset, encoder, run.Get(Accelerator));
            run.Terminal.Say(
                $"{run.Terminal.Out.Green("✓")} {dataset} × {encoder}: {ExtractionWork.Describe(status)} "
                    + $"({Phrases.Duration(status.Elapsed)})");
            done.Add(status);
        }

        run.Terminal.Result(done.ToArray(), CliJson.Relaxed.ExtractionStatusArray, static _ => { });
    }

    private static async Task<string[]> Fitting(CliRun run, string dataset)
    {
        var datasets = await run.Client.Datasets(run.Stop);
        var chosen = datasets.FirstOrDefault(d => d.Name == dataset)
            ?? throw FuseMixException.UnknownName("dataset", dataset, datasets.Select(d => d.Name));
        var encoders = (await run.Client.Encoders(run.Stop)).Where(e => e.Error is null && chosen.Items.GetValueOrDefault(e.Modality) > 0)
            .Select(e => e.Name).ToArray();
        var fitting = (await run.Client.Encoders(run.Stop)).Where(e => encoders.Contains(e.Name)).Select(e => e.Modality).ToHashSet();
        foreach (var (modality, count) in
            chosen.Items.Where(items => items.Value > 0 && !fitting.Contains(items.Key)).OrderBy(items => items.Key))
        {
            if (encoders.Length == 0) break;
            var word = modality.ToString().ToLowerInvariant();
            run.Terminal.Say(
                $"{run.Terminal.Out.Yellow("!")} {Phrases.Count(count, $"{word} item")} of {dataset} passed over: no {word} encoder is "
                    + "installed.");
        }

        return encoders.Length > 0 ? encoders : throw new FuseMixException(
            FailureKind.NotFound,
            $"No installed encoder fits the dataset '{dataset}', which has "
                + $"{string.Join(" and ", chosen.Items.Where(i => i.Value > 0).Select(i => i.Key.ToString().ToLowerInvariant()))} items.",
            "'./fusemix encoders list' shows what can be installed.");
    }
}
