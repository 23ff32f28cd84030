using System.CommandLine;
using FuseMix.Cli.CommandLine;
using FuseMix.Cli.Datasets;
using FuseMix.Cli.Output;
using FuseMix.Cli.Session;
using FuseMix.Core.Evaluation;
using FuseMix.Training.Recipe;

namespace FuseMix.Cli.Training;

/// <summary><c>fusemix train</c></summary>
internal static class TrainCommand
{
    private static readonly Argument<string> Dataset = new("dataset") { Description = "Name of a dataset whose latents are stored" };

    private static readonly Option<string?> Preset = new("--preset")
    {
        Description = $"Where the recipe starts from: {string.Join(", ", TrainingRecipe.PresetNames)} (default: small)",
        HelpName = "name",
    };

    private static readonly Option<string?> Recipe = FilePath.Option("--recipe", "file", "A recipe file, instead of a preset");

    private static readonly Option<string[]> Set = new("--set") { Description = "Change a key of the recipe; may be repeated", HelpName = "key=value" };

    private static readonly Option<ulong> Seed = new("--seed") { Description = "Decides every random number (default: 0)", HelpName = "n" };

    private static readonly Option<string?> Model = new("--model")
    {
        Description = "What to call the fusion model (default: dataset-preset, and digits where encoders or settings are not the usual ones)",
        HelpName = "name",
    };

    public static Command Create() =>
        new CliCommand("train", "Train a fusion model on stored latents. The same training is recognised; an interrupted one goes on from its checkpoint.")
            .With([Dataset, .. EncoderOptions.All, Preset, Recipe, Set, Seed, Model])
            .WithExample("./fusemix train emoji", "the encoders that the dataset has latents of, preset small")
            .WithExample("./fusemix train emoji --set augmentation=none --seed 1", "no augmentation, another seed")
            .WithExample("./fusemix train emoji --set depth=4 --set modalities.image.components=128 --model deeper", "other adapters, a name of your own")
            .WithExample("./fusemix train mine --image mobilenet-v2-mid --text use-lite --recipe my.json", "a recipe file (docs/training.md)")
            .Does(Run);

    private static async Task Run(CliRun run)
    {
        var dataset = run.Get(Dataset);
        var settings = run.Get(Set) ?? [];
        var recipe = RecipeSettings.Read(run.Get(Preset), run.Get(Recipe), settings);
        var encoders = await TrainPlan.ChooseEncoders(run, dataset, EncoderOptions.Given(run));
        var basis = run.Get(Recipe) is { } file ? SafeName(Path.GetFileNameWithoutExtension(file)) : run.Get(Preset) ?? "small";
        var seed = run.Get(Seed);
        var model = run.Get(Model) ?? TrainPlan.DefaultName(
            dataset, basis, seed, settings.Length == 0 ? null : recipe, await TrainPlan.AreUsual(run, dataset, encoders) ? null : encoders);
        var plan = await TrainPlan.Make(run, dataset, encoders, recipe, seed, _ => model);
        foreach (var caution in await Cautions(run, dataset)) run.Terminal.Say($"{run.Terminal.Out.Yellow("!")} {caution}");
        var outcome = await TrainingWork.Run(run, plan.Request, "The same command");
        run.Terminal.Result(outcome, CliJson.Relaxed.TrainingOutcome, o =>
        {
            run.Terminal.Say($"{run.Terminal.Out.Green("✓")} {model}: {TrainingWork.Describe(o)} ({Phrases.Duration(o.Elapsed)})");
            if (o.Curve.Length > 1) run.Terminal.Say($"  loss {run.Terminal.Out.Cyan(Sparkline.Draw([.. o.Curve.Select(p => p.Loss)], 60))}");
            if (o.Status.Validation is { } last)
            {
                var curve = o.Validations.Length > 1 ? $" {run.Terminal.Out.Cyan(Sparkline.Draw([.. o.Validations.Select(v => v.At1)], 40))}" : "";
                run.Terminal.Say($"  {TrainingWork.Describe(last)}{curve}");
            }

            run.Terminal.Say($"  Next: ./fusemix eval {model}, or ./fusemix collections build {dataset} --model {model}");
        });
    }

    /// <summary>What its pairs are too few or too much alike for.</summary>
    private static async Task<IEnumerable<string>> Cautions(CliRun run, string dataset)
    {
        var details = await run.Client.Dataset(dataset, run.Stop);
        var captioned = details.Pairs.Where(pairs => pairs.Second == Modality.Text).Sum(pairs => pairs.Count);
        return DatasetImport.Splits.Select(split => PairCaution.OfSplit(split, details.Summary.Pairs.GetValueOrDefault(split)))
            .Append(PairCaution.OfCaptions(details.Summary.Items.GetValueOrDefault(Modality.Text), captioned)).OfType<string>();
    }

    private static string SafeName(string name)
    {
        var safe = new string([.. name.ToLowerInvariant().Select(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' ? c : '-')]).Trim('-', '_');
        return safe.Length == 0 ? "recipe" : safe;
    }
}
