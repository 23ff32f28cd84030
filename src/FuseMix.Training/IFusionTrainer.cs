using FuseMix.Training.Checkpoints;
using FuseMix.Core.Evaluation;
using FuseMix.Training.Models;
using FuseMix.Training.Recipe;

namespace FuseMix.Training;

/// <summary>Trains fusion models; one implementation per kind of device.</summary>
public interface IFusionTrainer
{
    /// <summary>What computes, for reports, e.g. "CPU, 2 threads, oneDNN 2.6".</summary>
    string Device { get; }

    /// <summary>Trains a model, from the start or from the checkpoint in the run's folder.</summary>
    /// <param name="data">Latents and pairs.</param>
    /// <param name="recipe">How to train.</param>
    /// <param name="run">Seed, checkpoints.</param>
    /// <param name="progress">Called on the training thread after each step; null for none.</param>
    /// <param name="cancellationToken">Stops after the step in hand; a checkpoint is written first.</param>
    /// <exception cref="FuseMixException">
    /// The recipe or the data are at fault; the checkpoint in the folder is of another run (<see cref="FailureKind.Conflict"/>, naming the
    /// difference); or the loss is no number any more.
    /// </exception>
    /// <exception cref="OperationCanceledException">It was cancelled; the same call goes on from the checkpoint.</exception>
    FusionModel Train(
        TrainingData data,
        TrainingRecipe recipe,
        TrainingRun run,
        Action<TrainingProgress>? progress = null,
        CancellationToken cancellationToken = default);
}

/// <summary>One run of the trainer.</summary>
/// <param name="Seed">Decides every random number.</param>
/// <param name="CheckpointFolder">Where checkpoints go and are looked for; null for none.</param>
/// <param name="CheckpointEverySteps">Steps between two checkpoints, at least 1.</param>
public sealed record TrainingRun(ulong Seed, string? CheckpointFolder = null, int CheckpointEverySteps = 200)
{
    /// <summary>Runs every write of a checkpoint; a caller that may lose the right to write refuses by throwing, which ends the run.</summary>
    public Action<Action> Commit { get; init; } = write => write();

    /// <summary>How far a run has come by the checkpoint in its folder.</summary>
    /// <param name="checkpointFolder">The folder, which need not be there.</param>
    /// <returns>Steps done and steps in all; both 0 where there is no checkpoint that can be read.</returns>
    public static (int Step, int Steps) Reached(string checkpointFolder) => Checkpoint.Reached(checkpointFolder);
}

/// <summary>How far a run is, after a step.</summary>
/// <param name="Step">Steps done, from 1.</param>
/// <param name="Steps">Steps in all; the recipe's patience may end the run before.</param>
/// <param name="Epoch">Epoch of this step, from 1.</param>
/// <param name="Epochs">Epochs in all.</param>
/// <param name="Loss">Loss of this step, summed over the lists of pairs.</param>
/// <param name="LearningRate">Learning rate of this step.</param>
/// <param name="Temperature">τ after this step.</param>
/// <param name="PairsPerSecond">Mixed pairs per second since this call began; validation does not count.</param>
/// <param name="Remaining">Estimated time left.</param>
/// <param name="ResumedFrom">Step of the checkpoint that this call went on from; 0 for none.</param>
/// <param name="Validation">Recall on the validation pairs where it was measured after this step.</param>
/// <param name="Pairs">Mixed pairs of this step.</param>
/// <param name="StepTime">Time of this step; validation and checkpoints do not count.</param>
public sealed record TrainingProgress(
    int Step,
    int Steps,
    int Epoch,
    int Epochs,
    double Loss,
    double LearningRate,
    double Temperature,
    double PairsPerSecond,
    TimeSpan Remaining,
    int ResumedFrom,
    ValidationResult? Validation,
    int Pairs,
    TimeSpan StepTime)
{
    /// <summary>The last recall on the validation pairs, which may be of an earlier step or of the run that this one goes on from; null for none.</summary>
    public ValidationResult? LastValidation { get; init; }
}

/// <summary>Recall on the validation pairs.</summary>
/// <param name="Step">After which step.</param>
/// <param name="Epoch">After which epoch, from 1.</param>
/// <param name="Mean">Mean of all recalls of all lists, 0..100.</param>
/// <param name="Reports">One per list that has validation pairs.</param>
public sealed record ValidationResult(int Step, int Epoch, double Mean, IReadOnlyList<RetrievalReport> Reports)
{
    /// <summary>One recall, e.g. R@1, as the mean over both directions of every list, 0..100.</summary>
    /// <param name="recall">Picks it.</param>
    public double MeanOf(Func<DirectionRecall, double> recall) =>
        Reports.Average(report => (recall(report.Forward) + recall(report.Backward)) / 2);
}
