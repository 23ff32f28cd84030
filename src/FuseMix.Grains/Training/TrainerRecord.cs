using FuseMix.Contracts;
using FuseMix.Contracts.Training;
using FuseMix.Training;
using FuseMix.Training.Models;
using Orleans;

namespace FuseMix.Grains.Training;

/// <summary>The ids of the trainer's jobs; each job has a record of its own.</summary>
[GenerateSerializer, Alias("fusemix.TrainerRecord")]
public sealed record TrainerRecord
{
    /// <summary>Jobs that are queued or running, in the order of submission.</summary>
    [Id(0)]
    public string[] Open { get; init; } = [];

    /// <summary>Jobs that are over, the one that ended first before the others.</summary>
    [Id(1)]
    public string[] Ended { get; init; } = [];
}

/// <summary>What survives the trainer's node of one training job.</summary>
[GenerateSerializer, Alias("fusemix.TrainingJobRecord")]
public sealed record TrainingJobRecord
{
    /// <summary>What was asked.</summary>
    [Id(0)]
    public required TrainingRequest Request { get; init; }

    /// <summary>Where it stands; one that was running when its node died still says so, and goes on.</summary>
    [Id(1)]
    public JobState State { get; init; }

    /// <summary>When it was first submitted.</summary>
    [Id(2)]
    public DateTimeOffset SubmittedAt { get; init; }

    /// <summary>Why it failed; null otherwise.</summary>
    [Id(3)]
    public string? Error { get; init; }

    /// <summary>Steps done when it was last written.</summary>
    [Id(4)]
    public int Step { get; init; }

    /// <summary>Steps in all.</summary>
    [Id(5)]
    public int Steps { get; init; }

    /// <summary>Loss when it was last written; null before the first step.</summary>
    [Id(6)]
    public double? Loss { get; init; }

    /// <summary>Learning rate when it was last written.</summary>
    [Id(7)]
    public double LearningRate { get; init; }

    /// <summary>τ when it was last written.</summary>
    [Id(8)]
    public double Temperature { get; init; }

    /// <summary>Mixed pairs per second when it was last written.</summary>
    [Id(9)]
    public double PairsPerSecond { get; init; }

    /// <summary>Epoch when it was last written.</summary>
    [Id(10)]
    public int Epoch { get; init; }

    /// <summary>Epochs in all.</summary>
    [Id(11)]
    public int Epochs { get; init; }

    /// <summary>The last validation when it was last written; null for none.</summary>
    [Id(12)]
    public TrainingValidation? Validation { get; init; }

    /// <summary>Step of the checkpoint that its last run went on from; 0 where that began anew.</summary>
    [Id(13)]
    public int ResumedFrom { get; init; }

    /// <summary>What the model says that it made.</summary>
    internal TrainingJob Job => new(Request.JobId, SubmittedAt);

    /// <summary>What a validation comes to, in the words of messages.</summary>
    internal static TrainingValidation? Of(ValidationResult? validation) => validation is null
        ? null
        : new TrainingValidation(validation.Step, validation.Epoch, validation.MeanOf(recall => recall.At1), validation.Mean);

    /// <summary>The same job, as far as a run got.</summary>
    internal TrainingJobRecord At(TrainingProgress progress) => this with
    {
        Step = progress.Step,
        Steps = progress.Steps,
        Loss = progress.Loss,
        LearningRate = progress.LearningRate,
        Temperature = progress.Temperature,
        PairsPerSecond = progress.PairsPerSecond,
        Epoch = progress.Epoch,
        Epochs = progress.Epochs,
        Validation = Of(progress.LastValidation),
        ResumedFrom = progress.ResumedFrom,
    };

    /// <summary>The same job, as its checkpoint tells of it before the first step of a run.</summary>
    internal TrainingJobRecord At((int Step, int Steps) checkpoint) => this with
    {
        Step = checkpoint.Step,
        Steps = Math.Max(checkpoint.Steps, Steps),
        ResumedFrom = checkpoint.Step,
    };

    /// <summary>The same job, as its model tells of it where no step of its last run was seen.</summary>
    internal TrainingJobRecord At(ModelOrigin model)
    {
        var (training, epochs) = (model.Training, model.Training.Steps / Math.Max(1, model.Training.StepsPerEpoch));
        return this with
        {
            Step = training.Steps,
            Steps = training.Steps,
            Loss = training.FinalLoss ?? Loss,
            Temperature = model.Temperature,
            PairsPerSecond = training.PairsPerSecond ?? PairsPerSecond,
            Epoch = epochs,
            Epochs = epochs,
            Validation = Of(training.Validations.LastOrDefault()),
        };
    }
}
