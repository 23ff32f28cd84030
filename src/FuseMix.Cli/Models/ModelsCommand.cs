using System.CommandLine;
using FuseMix.Cli.CommandLine;
using FuseMix.Cli.Evaluation;
using FuseMix.Cli.Output;
using FuseMix.Cli.Session;
using FuseMix.Contracts.Catalog;
using FuseMix.Contracts.Training;
using FuseMix.Storage;
using FuseMix.Training.Models;

namespace FuseMix.Cli.Models;

/// <summary>A fusion model with the job that made it.</summary>
/// <param name="Model">The model.</param>
/// <param name="Job">The latest training job of that name; null where none is known.</param>
/// <param name="Folder">Where its files are; null where that is another machine.</param>
/// <param name="Files">Their names.</param>
internal sealed record ModelDetails(ModelSummary Model, TrainingStatus? Job, string? Folder, string[] Files);

/// <summary>A fusion model that was exported.</summary>
/// <param name="Model">Its name.</param>
/// <param name="Folder">Where to.</param>
/// <param name="Files">Their names.</param>
internal sealed record ModelExport(string Model, string Folder, string[] Files);

/// <summary><c>fusemix models</c></summary>
internal static class ModelsCommand
{
    private static readonly Argument<string> Name = new("name") { Description = "Name of a fusion model" };

    private static readonly Option<string?> To = FilePath.Option("--to", "folder", "The folder to write to; made where it is missing", required: true);

    public static Command Create() =>
        new CliCommand("models", "Fusion models: sets of adapters into one shared space.").With(
            new CliCommand("list", "The fusion models here.")
                .WithExample("./fusemix models list", "one line each")
                .Does(List),
            new CliCommand("show", "One fusion model: encoders, dimension, the job that made it, its files.")
                .With(Name)
                .WithExample("./fusemix models show emoji-small", "what it consists of")
                .Does(Show),
            new CliCommand("export", "Copy a fusion model: an ONNX file per adapter, its weights, and the description of what they expect.")
                .With(Name, To)
                .WithExample("./fusemix models export emoji-small --to adapters", "one ONNX file per modality")
                .OnThisMachine("Run it where the home folder of the cluster is, naming that with --home.")
                .Does(Export));

    private static async Task List(CliRun run)
    {
        var models = await run.Client.Models(run.Stop);
        run.Terminal.Result(models, CliJson.Relaxed.ModelSummaryArray, all =>
        {
            if (all.Length == 0)
            {
                run.Terminal.Say("No fusion models yet. './fusemix demo' trains one, or './fusemix train DATASET'.");
                return;
            }

            var table = new Table("model", "encoders", ">dim.", ">steps", "state");
            foreach (var m in all)
                table.Row(m.Name, string.Join(" + ", m.Encoders.OrderBy(e => e.Key).Select(e => e.Value)), Phrases.Count(m.Dimension), Phrases.Count(m.Steps), m.Error ?? "sound");
            run.Terminal.Draw(table);
        });
    }

    private static async Task Show(CliRun run)
    {
        var model = await ModelCatalog.Find(run, run.Get(Name));
        var job = await ModelCatalog.Training(run.Client, model.Name, _ => true, run.Stop);
        var folder = run.IsRemote ? null : FolderOf(run.Home, model.Name);
        var details = new ModelDetails(model, job, folder, folder is null ? [] : [.. FilesIn(folder)]);
        run.Terminal.Result(details, CliJson.Relaxed.ModelDetails, d =>
        {
            run.Terminal.Say($"{run.Terminal.Out.Bold(d.Model.Name)}: {d.Model.Dimension} dimensions, {Phrases.Count(d.Model.Steps, "step")}");
            foreach (var (modality, encoder) in d.Model.Encoders.OrderBy(e => e.Key)) run.Terminal.Say($"  {EvaluationTable.Word(modality),-6} {encoder}");
            if (d.Model.Error is { } error) run.Terminal.Say($"  {run.Terminal.Out.Red(error)}");
            if (d.Job is { } made) run.Terminal.Say($"  job {made.JobId}, {EvaluationTable.Word(made.State)}{(double.IsFinite(made.Loss) ? $", loss {Phrases.Fixed(made.Loss, 3)}" : "")}");
            if (d.Folder is not null) run.Terminal.Say($"  {d.Folder}: {string.Join(", ", d.Files)}");
        });
    }

    private static async Task Export(CliRun run)
    {
        var model = await ModelCatalog.Find(run, run.Get(Name));
        if (model.Error is { } error) throw new FuseMixException(FailureKind.Corrupt, $"'{model.Name}' cannot be exported: {error}");
        var (source, target) = (FolderOf(run.Home, model.Name), Path.GetFullPath(run.Get(To)!));
        var files = FilesIn(source).ToArray();
        foreach (var file in files)
        {
            run.Stop.ThrowIfCancellationRequested();
            AtomicFile.Write(Path.Combine(target, file), stream =>
            {
                using var from = File.OpenRead(Path.Combine(source, file));
                from.CopyTo(stream);
            });
        }

        run.Terminal.Result(new ModelExport(model.Name, target, files), CliJson.Relaxed.ModelExport, e => run.Terminal.Say(
            $"{run.Terminal.Out.Green("✓")} {e.Model}: {string.Join(", ", e.Files)} in {e.Folder}"));
    }

    private static string FolderOf(FuseMixHome home, string model) => new FusionModelStore(home).FolderOf(model);

    private static IEnumerable<string> FilesIn(string folder) => !Directory.Exists(folder) ? [] :
        Directory.EnumerateFiles(folder).Select(f => Path.GetFileName(f)!).Where(f => !f.StartsWith('.')).Order(StringComparer.Ordinal);
}
