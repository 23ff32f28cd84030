using FuseMix.Cli.Evaluation;
using FuseMix.Cli.Output;
using FuseMix.Cli.Session;
using FuseMix.Cli.Training;
using FuseMix.Contracts.Training;
using FuseMix.Core.Evaluation;

namespace FuseMix.Cli.Studies;

/// <summary>Trains and measures every variant of a study on every seed.</summary>
/// <remarks>Models are named by all that goes into them, so that what is trained is recognised and an interrupted study goes on.</remarks>
internal sealed class StudyRun(CliRun run, StudySettings settings)
{
    /// <exception cref="FuseMixException">A recipe is wrong, which is told before anything is trained; or a training failed.</exception>
    public async Task<StudyReport> Make(Study study)
    {
        var (dataset, split, folds, without) = (settings.Dataset, settings.Split, settings.Folds, settings.Without);
        var client = run.ClientToWork();
        var trainings = await Plan(study);
        var missing = trainings.Select(training => training.Plan.Request.Model).Except(
            (await client.Models(run.Stop)).Select(model => model.Name)).ToHashSet();
        var runs = study.Variants.Select(_ => (Models: new List<string>(), Reports: new List<EvaluationReport>())).ToArray();
        var (done, trained, working) = (0, 0, TimeSpan.Zero);
        foreach (var (v, where, plan) in trainings)
        {
            var (variant, model) = (study.Variants[v], plan.Request.Model);
            var outcome = await TrainingWork.Run(run, plan.Request, "The same command");
            var asked = new EvaluationRequest(model, variant.MeasuredOn ?? dataset, split, without, plan.Request.Fold);
            var report = await client.Evaluate(asked, run.Stop);
            runs[v].Models.Add(model);
            runs[v].Reports.Add(report);
            done++;
            missing.Remove(model);
            if (!outcome.Reused) (trained, working) = (trained + 1, working + outcome.Elapsed);
            var took = outcome.Reused ? "already trained" : Phrases.Duration(outcome.Elapsed);
            var left = trained == 0 || missing.Count == 0 ? "" : $", about {Phrases.Duration(working / trained * missing.Count)} left";
            run.Terminal.Note($"{done}/{trainings.Count}  {where}, {variant.Name}: mean {Phrases.Fixed(report.Mean, 1)} ({took}{left})");
        }

        var methods = study.Variants.Select((variant, v) => new StudyMethod(
            variant.Name, variant.Series, variant.Value, variant.Settings, [.. runs[v].Models], [.. runs[v].Reports])).ToList();
        if (study.WithBaseline && folds is null)
        {
            var baseline = await LinearBaseline.Make(run, runs[0].Models[0], dataset);
            var linear = await client.Evaluate(new EvaluationRequest(baseline, dataset, split, without), run.Stop);
            methods.Add(new StudyMethod(LinearBaseline.Method, "", null, [], [baseline], [linear]));
        }

        return new StudyReport(
            study.Name, study.About, settings.Command, without is null ? dataset : $"{dataset} without {without}", split, settings.Seeds,
            study.Axis, study.Logarithmic, [.. methods])
        {
            Folds = folds,
        };
    }
    /// <summary>Every training, seed by seed and fold by fold: an interrupted study has every variant on those that it got
    /// through.</summary>
    private async Task<List<(int Variant, string Where, TrainPlan Plan)>> Plan(Study study)
    {
        var recipes = study.Variants.Select(
            variant => RecipeSettings.Read(settings.Preset, null, [.. settings.Recipe, .. variant.Settings])).ToArray();
        var usual = study.Variants.All(variant => variant.Encoders is not null) ? [] : await TrainPlan.ChooseEncoders(
            run, settings.Dataset, settings.Encoders);
        Fold?[] parts = settings.Folds is { } count ? [.. Enumerable.Range(1, count).Select(number => new Fold(number, count))] : [null];
        var plans = new List<(int, string, TrainPlan)>();
        foreach (var (seed, fold) in Enumerable.Range(0, settings.Seeds).SelectMany(seed => parts.Select(fold => (seed, fold))))
        {
            for (var v = 0; v < study.Variants.Length; v++)
            {
                var variant = study.Variants[v];
                var encoders = variant.Encoders is { } own ? new Dictionary<Modality, string>(own) : usual;
                var plan = await TrainPlan.Make(
                    run, variant.TrainedOn ?? settings.Dataset, encoders, recipes[v], (ulong)seed, id => $"study-{study.Name}-s{seed}-{id}",
                    fold);
                plans.Add((v, fold is null ? $"seed {seed}" : $"seed {seed}, fold {fold}", plan));
            }
        }

        return plans;
    }
}
