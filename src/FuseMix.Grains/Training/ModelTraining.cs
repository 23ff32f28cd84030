using FuseMix.Contracts.Training;
using FuseMix.Data.Latents;
using FuseMix.Encoders.Packs;
using FuseMix.Grains.Nodes;
using FuseMix.Storage;
using FuseMix.Training;
using FuseMix.Training.Baselines;
using FuseMix.Training.Recipe;
using FuseMix.Training.TensorBoard;
using Microsoft.Extensions.Logging;

namespace FuseMix.Grains.Training;

/// <summary>Runs training jobs: from stored latents to a fusion model on disk.</summary>
internal sealed partial class ModelTraining(
    FuseMixHome home,
    DatasetCache datasets,
    EncoderPackStore packs,
    LatentStore latents,
    FusionModels models,
    UnusedContents unused,
    Func<IFusionTrainer> trainer,
    TrainingMetrics metrics,
    NodeOptions options,
    TimeProvider clock,
    ILogger<ModelTraining> logger)
{
    /// <summary>Whether the model that a request asks for is there: of that name, made by that recipe and seed from those very latents.</summary>
    public bool IsMade(TrainingRequest request)
    {
        if (!models.Contains(request.Model)) return false;
        var model = models.Get(request.Model);
        if (model.Seed != request.Seed || model.Recipe?.Fingerprint() != TrainingRecipe.Parse(request.Recipe).Fingerprint()) return false;
        using var paired = PairedLatents.Open(datasets.Get(request.Dataset), request.Encoders, packs, latents, request.Fold);
        return model.Training.Data == paired.ToTrainingData().Fingerprint().Hex;
    }

    /// <summary>Fails, as the run itself would, where the request cannot be served.</summary>
    /// <exception cref="FuseMixException">Unknown names or recipe keys; latents or pairs missing; a device that does not train.</exception>
    public void Check(TrainingRequest request)
    {
        _ = ResourceName.Require(request.Model, "fusion model");
        _ = TrainingRecipe.Parse(request.Recipe);
        using var paired = PairedLatents.Open(datasets.Get(request.Dataset), request.Encoders, packs, latents, request.Fold);
        paired.ToTrainingData().Validate();
        _ = trainer();
    }

    /// <summary>Trains, from the job's last checkpoint if there is one, and puts the model in place. Blocks the calling thread.</summary>
    /// <exception cref="OperationCanceledException">Stopped after a checkpoint.</exception>
    /// <exception cref="FuseMixException">The request cannot be served, training diverged, or another trainer has taken over.</exception>
    public void Run(TrainingRequest request, TrainerFence fence, Action<TrainingProgress> progress, CancellationToken cancellationToken)
    {
        var recipe = TrainingRecipe.Parse(request.Recipe);
        using var paired = PairedLatents.Open(datasets.Get(request.Dataset), request.Encoders, packs, latents, request.Fold);
        var checkpoints = Path.Combine(home.Runs, request.JobId);
        using var curves = new TensorBoardLog(
            Path.Combine(home.TensorBoard, request.Model, request.JobId), clock, failure => LogNoCurves(failure, request.JobId));
        var run = new TrainingRun(request.Seed, checkpoints, options.CheckpointSteps) { Commit = Commit };
        var model = trainer().Train(paired.ToTrainingData(), recipe, run, Step, cancellationToken);
        fence.Write(() =>
        {
            models.Save(request.Model, model);
            if (Directory.Exists(checkpoints)) Directory.Delete(checkpoints, recursive: true);
        });
        unused.Collect();

        void Commit(Action checkpoint)
        {
            fence.Write(checkpoint);
            metrics.Checkpointed();
        }

        void Step(TrainingProgress step)
        {
            metrics.Stepped(step);
            curves.Add(step);
            progress(step);
        }
    }

    /// <summary>Fits linear CCA to the training pairs of a dataset, by the encoders of a fusion model.</summary>
    /// <returns>Name of the linear model, which says what it was fitted to.</returns>
    public string FitBaseline(string model, string dataset, TrainerFence fence)
    {
        var source = datasets.Get(dataset);
        using var paired = PairedLatents.Open(source, models.Get(model), latents, fold: null);
        var data = paired.ToTrainingData();
        var name = $"cca-{dataset}-{Fingerprint.Of($"{source.Fingerprint} {data.Fingerprint()}").Short[..8]}";
        if (!models.Contains(name))
        {
            var linear = CanonicalCorrelation.Fit(data);
            fence.Write(() => models.Save(name, linear));
        }

        return name;
    }

    [LoggerMessage(2006, LogLevel.Warning, "The curves of training job {Job} are not written any longer; the training goes on")]
    private partial void LogNoCurves(Exception failure, string job);
}
