using System.CommandLine;
using System.Text.Json;
using FuseMix.Cli.CommandLine;
using FuseMix.Cli.Demo;
using FuseMix.Cli.Evaluation;
using FuseMix.Cli.Output;
using FuseMix.Cli.Session;
using FuseMix.Cli.Training;
using FuseMix.Contracts.Training;
using FuseMix.Storage;

namespace FuseMix.Cli.Studies;

/// <summary><c>fusemix study</c></summary>
internal static class StudyCommand
{
    private static readonly (string Name, string Word)[] Augmentations =
        [("FuseMix", "fuseMix"), ("no augmentation", "none"), ("Gaussian noise 0.01", "gaussianNoise"), ("random quantization, 16 bins", "randomQuantization")];

    private static readonly Option<string> Dataset = new("--dataset")
    {
        Description = $"The dataset (default: {DemoCommand.Dataset})",
        HelpName = "name",
        DefaultValueFactory = _ => DemoCommand.Dataset,
    };

    private static readonly Option<int> Seeds = new("--seeds") { Description = "Seeds per method, 0, 1, 2 … (default: 3)", HelpName = "n", DefaultValueFactory = _ => 3 };

    private static readonly Option<string?> Preset = new("--preset") { Description = "The recipe that is varied (default: small)", HelpName = "name" };

    private static readonly Option<string[]> Set = new("--set") { Description = "Change a key of the recipe for every method; may be repeated", HelpName = "key=value" };

    private static readonly Option<string> Split = Choice.Of("--split", "test", "The split to measure on: train, validation or test", "train", "validation", "test");

    private static readonly Option<string?> Without = new("--without") { Description = "Leave out items whose metadata have this key set to true", HelpName = "key" };

    private static readonly Option<string?> Output = new("--output") { Description = "Folder of the Markdown and the JSON file (default: studies in the home folder)", HelpName = "folder" };

    public static Command Create() =>
        new CliCommand("study", "Studies: what a choice in the recipe brings, measured on the same seeds.").With(
            new CliCommand("augmentation", "FuseMix against no augmentation, Gaussian noise and random quantization, beside linear CCA. What is trained already is recognised.")
                .With(Dataset, Seeds, Preset, Set, Split, Without, Output)
                .WithExample("./fusemix study augmentation", "the emoji of the demo, 3 seeds")
                .WithExample("./fusemix study augmentation --seeds 1 --set steps=100", "a quick look")
                .WithExample("./fusemix study augmentation --without isFlag --json", "without the flags, as JSON")
                .Does(Augmentation));

    private static async Task Augmentation(CliRun run)
    {
        var (dataset, seeds, split, without) = (run.Get(Dataset)!, run.Get(Seeds), run.Get(Split)!, run.Get(Without));
        if (seeds is < 1 or > 100) throw new FuseMixException(FailureKind.Invalid, $"--seeds must be from 1 to 100, not {seeds}.");
        var settings = run.Get(Set) ?? [];
        var recipes = Augmentations.Select(a => RecipeSettings.Read(run.Get(Preset), null, [.. settings, $"augmentation={a.Word}"])).ToArray();
        var encoders = await TrainPlan.ChooseEncoders(run, dataset, []);
        var client = run.ClientToWork();

        var runs = new Dictionary<string, (List<string> Models, List<EvaluationReport> Reports)>();
        // Seed by seed, so that an interrupted study has every method on the seeds that it got through.
        for (var seed = 0; seed < seeds; seed++)
        {
            foreach (var ((name, word), recipe) in Augmentations.Zip(recipes))
            {
                var plan = await TrainPlan.Make(run, dataset, encoders, recipe, (ulong)seed, id => $"study-{word.ToLowerInvariant()}-s{seed}-{id}");
                var model = plan.Request.Model;
                var outcome = await TrainingWork.Run(run, plan.Request, "The same command");
                var report = await client.Evaluate(new EvaluationRequest(model, dataset, split, without), run.Stop);
                var (models, reports) = runs.TryGetValue(name, out var known) ? known : runs[name] = ([], []);
                models.Add(model);
                reports.Add(report);
                run.Terminal.Note($"seed {seed}, {name}: mean {Phrases.Fixed(report.Mean, 1)} ({(outcome.Reused ? "already trained" : Phrases.Duration(outcome.Elapsed))})");
            }
        }

        var baseline = await LinearBaseline.Make(run, runs[Augmentations[0].Name].Models[0], dataset);
        var linear = await client.Evaluate(new EvaluationRequest(baseline, dataset, split, without), run.Stop);
        var study = new StudyReport(
            "augmentation", without is null ? dataset : $"{dataset} without {without}", split, seeds,
            [.. Augmentations.Select(a => new StudyMethod(a.Name, [.. runs[a.Name].Models], [.. runs[a.Name].Reports])), new StudyMethod(LinearBaseline.Method, [baseline], [linear])]);

        var folder = Path.GetFullPath(run.Get(Output) ?? Path.Combine(run.Home.Root, "studies"));
        var file = Path.Combine(folder, $"augmentation-{dataset}{(without is null ? "" : $"-without-{without}")}");
        AtomicFile.WriteText($"{file}.md", study.ToMarkdown());
        AtomicFile.WriteText($"{file}.json", JsonSerializer.Serialize(study, CliJson.Relaxed.StudyReport));
        run.Terminal.Result(study, CliJson.Relaxed.StudyReport, s =>
        {
            var directions = s.Methods[0].Runs[0].Directions;
            var table = Tables.Of(["method", .. directions.Select(d => $">{EvaluationTable.Direction(d)} R@1 / 5 / 10"), ">mean"]);
            foreach (var method in s.Methods) table.Row(StudyReport.Cells(method));
            run.Terminal.Draw(table);
            run.Terminal.Say($"Written to {file}.md and .json");
        });
    }
}
