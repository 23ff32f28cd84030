using System.CommandLine;
using System.Text.Json;
using FuseMix.Cli.CommandLine;
using FuseMix.Cli.Demo;
using FuseMix.Cli.Output;
using FuseMix.Cli.Session;
using FuseMix.Cli.Training;
using FuseMix.Core.Evaluation;
using FuseMix.Storage;

namespace FuseMix.Cli.Studies;

/// <summary><c>fusemix study</c></summary>
internal static class StudyCommand
{
    private static readonly Option<string> Dataset = new("--dataset")
    {
        Description = $"The dataset (default: {DemoCommand.Dataset})",
        HelpName = "name",
        DefaultValueFactory = _ => DemoCommand.Dataset,
    };

    private static readonly Option<int> Seeds = new("--seeds") { Description = "Seeds per method, 0, 1, 2 … (default: 3)", HelpName = "n", DefaultValueFactory = _ => 3 };

    private static readonly Option<string?> Preset = new("--preset") { Description = "The recipe that is varied (default: small)", HelpName = "name" };

    private static readonly Option<string[]> Set = new("--set") { Description = "Change a key of the recipe for every method; may be repeated", HelpName = "key=value" };

    private static readonly Option<string> Split = Choice.Of(
        "--split", "validation", "The split to measure on: validation to choose by; test, once, to report; or train", "train", "validation", "test");

    private static readonly Option<int?> Folds = new("--folds")
    {
        Description = $"Cross-validate: divide train and validation into so many parts ({Fold.Fewest} to {Fold.Most}), and measure on each what learnt from the others",
        HelpName = "n",
    };

    private static readonly Option<string?> Without = new("--without") { Description = "Leave out items whose metadata have this key set to true", HelpName = "key" };

    private static readonly Option<string?> Output = FilePath.Option(
        "--output", "folder", "Folder of the table (Markdown, JSON) and the plot (SVG, PNG) (default: studies in the home folder)");

    private static readonly Option<string[]> Method = new("--method")
    {
        Description = "A recipe to compare: a label, a colon, and the keys that it sets; may be repeated",
        HelpName = "label: key=value …",
        Required = true,
    };

    public static Command Create()
    {
        var command = new CliCommand("study", "Studies: what a choice in the recipe brings, measured on the same seeds.");
        foreach (var study in (Study[])[PaperStudies.Augmentation, PaperStudies.Batch, PaperStudies.Depth, PaperStudies.Alpha])
            command.Add(Of(study.Name, study.About, _ => Task.FromResult(study)));
        command.Add(Of("quantity", PaperStudies.AboutQuantity, async run => PaperStudies.Quantity(await TrainingPairs(run)), byFolds: false));
        command.Add(Of("diversity", PaperStudies.AboutDiversity, async run => PaperStudies.Diversity(await TrainingPairs(run))));
        command.Add(Of("quality", QualityStudy.About, run => QualityStudy.Of(run, run.Get(Dataset)!))
            .OnThisMachine("Run it where the home folder of the cluster is, naming that with --home."));
        command.Add(Of("encoders", EncoderStudy.About, run => EncoderStudy.Of(run, run.Get(Dataset)!), choosesEncoders: false));
        var recipe = Of("recipe", "Recipes of your own, side by side", run => Task.FromResult(OwnRecipes(run.Get(Method) ?? [])));
        recipe.Add(Method);
        recipe.Examples.Clear();
        command.Add(recipe.WithExample(
            "./fusemix study recipe --method \"as it is:\" --method \"longer: steps=800 dropout=0.7\"", "two recipes on three seeds"));
        return command;
    }

    private static CliCommand Of(string name, string about, Func<CliRun, Task<Study>> study, bool byFolds = true, bool choosesEncoders = true)
    {
        var command = new CliCommand(name, $"{about}. What is trained already is recognised.")
            .With([Dataset, .. choosesEncoders ? EncoderOptions.All : [], Seeds, Preset, Set, Split, Without, Output])
            .WithExample($"./fusemix study {name}", "the emoji of the demo, 3 seeds")
            .WithExample($"./fusemix study {name} --seeds 1 --set steps=100", "a quick look")
            .WithExample($"./fusemix study {name} --split test --without isFlag --json", "for a report, without the flags, as JSON")
            .Does(async run => await Make(run, await study(run)));

        // How many pairs there are to train on is another number on every fold.
        return byFolds
            ? command.With(Folds).WithExample($"./fusemix study {name} --folds 5 --seeds 1", "to choose by: on every pair that is not of test")
            : command;
    }

    private static async Task Make(CliRun run, Study study)
    {
        var (dataset, seeds, split, without) = (run.Get(Dataset)!, run.Get(Seeds), run.Get(Split)!, run.Get(Without));
        if (seeds is < 1 or > 100) throw new FuseMixException(FailureKind.Invalid, $"--seeds must be from 1 to 100, not {seeds}.");
        var folds = run.Get(Folds);
        if (folds is < Fold.Fewest or > Fold.Most)
            throw new FuseMixException(FailureKind.Invalid, $"--folds must be from {Fold.Fewest} to {Fold.Most}, not {folds}.");
        if (folds is not null && run.Has(Split))
            throw new FuseMixException(FailureKind.Invalid, "--folds measures on folds of train and validation, and --split on a split.", "Give one of them.");
        var settings = new StudySettings(
            Line(run, study.Name), dataset, EncoderOptions.Given(run), run.Get(Preset), run.Get(Set) ?? [], seeds, split, folds, without);
        var report = await new StudyRun(run, settings).Make(study);
        var folder = Path.GetFullPath(run.Get(Output) ?? Path.Combine(run.Home.Root, "studies"));
        var file = Path.Combine(folder, $"{study.Name}-{dataset}{(without is null ? "" : $"-without-{without}")}{(split == "validation" ? "" : $"-{split}")}{(folds is null ? "" : $"-{folds}-folds")}");
        AtomicFile.WriteText($"{file}.md", report.ToMarkdown($"{Path.GetFileName(file)}.svg"));
        AtomicFile.WriteText($"{file}.json", JsonSerializer.Serialize(report, CliJson.Relaxed.StudyReport));
        StudyPlot.Save(report, file);
        run.Terminal.Result(report, CliJson.Relaxed.StudyReport, s =>
        {
            var table = new Table([s.Header[0], .. s.Header[1..].Select(title => $">{title}")]);
            foreach (var method in s.Methods) table.Row(s.Cells(method));
            run.Terminal.Draw(table);
            run.Terminal.Say($"Written to {file}.md, .json, .svg and .png");
        });
    }

    /// <summary>What somebody else types to get the same.</summary>
    private static string Line(CliRun run, string study)
    {
        List<string> words = ["./fusemix", "study", study];
        foreach (var option in (Option[])[Dataset, .. EncoderOptions.All, Seeds, Preset, Split, Folds, Without, Set, Method])
            words.AddRange(run.Words(option).SelectMany(value => (string[])[option.Name, value.Contains(' ') ? $"\"{value}\"" : value]));
        return string.Join(' ', words);
    }

    private static async Task<int> TrainingPairs(CliRun run)
    {
        var (name, all) = (run.Get(Dataset)!, await run.Client.Datasets(run.Stop));
        var dataset = all.FirstOrDefault(known => known.Name == name) ?? throw FuseMixException.UnknownName("dataset", name, all.Select(known => known.Name));
        return dataset.Pairs.GetValueOrDefault("train");
    }

    /// <exception cref="FuseMixException">A method has no label, or one that another has.</exception>
    private static Study OwnRecipes(string[] methods)
    {
        var variants = methods.Select(method => method.Split(':', 2) is [var label, var keys] && label.Trim().Length > 0
            ? new StudyVariant(label.Trim(), keys.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            : throw new FuseMixException(FailureKind.Invalid, $"--method '{method}' has no label.", "For example --method \"longer: steps=800\".")).ToArray();
        var twice = variants.GroupBy(variant => variant.Name).FirstOrDefault(same => same.Count() > 1);
        return twice is null
            ? new Study("recipe", "Recipes side by side", variants)
            : throw new FuseMixException(FailureKind.Invalid, $"Two methods are called '{twice.Key}'.", "Give each --method a label of its own.");
    }
}
