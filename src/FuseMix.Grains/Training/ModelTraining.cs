using FuseMix.Contracts.Training;
using FuseMix.Data.Datasets;
using FuseMix.Data.Latents;
using FuseMix.Encoders.Packs;
using FuseMix.Core.Evaluation;
using FuseMix.Grains.Cluster;
using FuseMix.Grains.Home;
using FuseMix.Storage;
using FuseMix.Training;
using FuseMix.Training.Models;
using FuseMix.Training.Recipe;
using FuseMix.Training.TensorBoard;
using Microsoft.Extensions.Logging;

namespace FuseMix.Grains.Training;

/// <summary>What training jobs do: from stored latents to a fusion model on disk.</summary>
internal sealed partial class ModelTraining(
    FuseMixHome home,
    DatasetStore stored,
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
    /// <summary>Whether the model that a request asks for is there: of that name, made by that recipe and seed.</summary>
    public bool IsMade(TrainingRequest request) =>
        models.OriginOf(request.Model) is { } model && model.Seed == request.Seed
        && model.Recipe?.Fingerprint() == TrainingRecipe.Parse(request.Recipe).Fingerprint();

    /// <summary>Fails where the request cannot be served, as far as names and descriptions tell. What only the data tell, the run does.</summary>
    /// <exception cref="FuseMixException">Unknown names or recipe keys; a device that does not train.</exception>
    public void Check(TrainingRequest request)
    {
        _ = ResourceName.Require(request.Model, "fusion model");
        _ = TrainingRecipe.Parse(request.Recipe);
        if (request.Fold is { } fold) _ = Fold.Parse(fold);
        _ = stored.Describe(request.Dataset);
        PairedLatents.RequireKnown(request.Dataset, request.Encoders, packs, latents);
        _ = trainer();
    }

    /// <summary>Fails, as the run itself would, where the data do not serve the request. Reads them.</summary>
    /// <exception cref="FuseMixException">Latents or pairs are missing, or an encoder is of another modality.</exception>
    public void Examine(TrainingRequest request)
    {
        using var paired = PairedLatents.Open(datasets.Get(request.Dataset), request.Encoders, packs, latents, request.Fold);
        paired.ToTrainingData().Validate();
    }

    /// <summary>Trains, from the job's last checkpoint if there is one, and puts the model in place; where it is in place already, does nothing.
    /// Checkpoints stay. Blocks the calling thread.</summary>
    /// <returns>What the model in its place tells of itself.</returns>
    /// <exception cref="OperationCanceledException">Stopped after a checkpoint.</exception>
    /// <exception cref="FuseMixException">The request cannot be served, training diverged, or another trainer has taken over.</exception>
    public ModelOrigin Run(TrainingJobRecord job, TrainerFence fence, Action<TrainingProgress> progress, CancellationToken cancellationToken)
    {
        // The run before this one came to its end, and only nobody heard of it.
        var request = job.Request;
        if (models.IsBy(request.Model, job.Job) && models.OriginOf(request.Model) is { } made) return made;
        var recipe = TrainingRecipe.Parse(request.Recipe);
        using var paired = PairedLatents.Open(datasets.Get(request.Dataset), request.Encoders, packs, latents, request.Fold);
        using var curves = new TensorBoardLog(
            Path.Combine(home.TensorBoard, request.Model, request.JobId), clock, failure => LogNoCurves(failure, request.JobId));
        var run = new TrainingRun(request.Seed, CheckpointsOf(request.JobId), options.CheckpointSteps) { Commit = Commit };
        var model = trainer().Train(paired.ToTrainingData(), recipe, run, Step, cancellationToken).MadeBy(job.Job);
        fence.Write(() => models.Save(request.Model, model));
        unused.Collect();
        return new ModelOrigin(model.Seed, model.Recipe, model.Temperature, model.Training);

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

    /// <summary>Where a job would go on from: steps done and steps in all, both 0 where it would begin anew.</summary>
    public (int Step, int Steps) Reached(string jobId) => TrainingRun.Reached(CheckpointsOf(jobId));

    /// <summary>Ids of the jobs that have checkpoints.</summary>
    public IReadOnlyList<string> WithCheckpoints() => Directory.Exists(home.Runs)
        ? [.. Directory.EnumerateDirectories(home.Runs).Select(folder => Path.GetFileName(folder)!).Where(ResourceName.IsValid)]
        : [];

    /// <summary>Removes what a job would go on from.</summary>
    /// <exception cref="FuseMixException">Another trainer has taken over.</exception>
    public void RemoveCheckpoints(string jobId, TrainerFence fence)
    {
        var folder = CheckpointsOf(jobId);
        if (Directory.Exists(folder)) fence.Write(() => Directory.Delete(folder, recursive: true));
    }

    private string CheckpointsOf(string jobId) => Path.Combine(home.Runs, ResourceName.Require(jobId, "job"));

    [LoggerMessage(2006, LogLevel.Warning, "The curves of training job {Job} are not written any longer; the training goes on")]
    private partial void LogNoCurves(Exception failure, string job);
}
