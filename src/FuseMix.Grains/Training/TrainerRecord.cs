using FuseMix.Contracts;
using FuseMix.Contracts.Training;
using FuseMix.Training;
using Orleans;

namespace FuseMix.Grains.Training;

/// <summary>What survives the trainer's node: the queue and how each job ended.</summary>
[GenerateSerializer]
public sealed class TrainerRecord
{
    /// <summary>Every job, in the order of submission.</summary>
    [Id(0)]
    public List<TrainingJobRecord> Jobs { get; set; } = [];

    /// <summary>The job of that id, or null.</summary>
    public TrainingJobRecord? Find(string jobId) => Jobs.Find(job => job.Request.JobId == jobId);
}

/// <summary>One training job.</summary>
[GenerateSerializer]
public sealed class TrainingJobRecord
{
    /// <summary>What was asked.</summary>
    [Id(0)]
    public required TrainingRequest Request { get; set; }

    /// <summary>Where it stands; one that was running when its node died still says so, and goes on.</summary>
    [Id(1)]
    public JobState State { get; set; }

    /// <summary>When it was first submitted.</summary>
    [Id(2)]
    public DateTimeOffset SubmittedAt { get; set; }

    /// <summary>Why it failed; null otherwise.</summary>
    [Id(3)]
    public string? Error { get; set; }

    /// <summary>Steps done when it was last written.</summary>
    [Id(4)]
    public int Step { get; set; }

    /// <summary>Steps in all.</summary>
    [Id(5)]
    public int Steps { get; set; }

    /// <summary>Loss when it was last written; null before the first step.</summary>
    [Id(6)]
    public double? Loss { get; set; }

    /// <summary>Learning rate when it was last written.</summary>
    [Id(7)]
    public double LearningRate { get; set; }

    /// <summary>τ when it was last written.</summary>
    [Id(8)]
    public double Temperature { get; set; }

    /// <summary>Mixed pairs per second when it was last written.</summary>
    [Id(9)]
    public double PairsPerSecond { get; set; }

    /// <summary>Epoch when it was last written.</summary>
    [Id(10)]
    public int Epoch { get; set; }

    /// <summary>Epochs in all.</summary>
    [Id(11)]
    public int Epochs { get; set; }

    /// <summary>The last validation when it was last written; null for none.</summary>
    [Id(12)]
    public TrainingValidation? Validation { get; set; }

    /// <summary>What a validation comes to, in the words of messages.</summary>
    internal static TrainingValidation? Of(ValidationResult? validation) => validation is null
        ? null
        : new TrainingValidation(validation.Step, validation.Epoch, validation.MeanOf(recall => recall.R1) * 100, validation.Mean * 100);

    /// <summary>Takes over how far a run got.</summary>
    internal void Keep(TrainingProgress progress)
    {
        (Step, Steps, Loss) = (progress.Step, progress.Steps, progress.Loss);
        (LearningRate, Temperature, PairsPerSecond) = (progress.LearningRate, progress.Temperature, progress.PairsPerSecond);
        (Epoch, Epochs, Validation) = (progress.Epoch, progress.Epochs, Of(progress.LastValidation));
    }
}
