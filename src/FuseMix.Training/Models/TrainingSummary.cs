namespace FuseMix.Training.Models;

/// <summary>How a fusion model came to be.</summary>
public sealed record TrainingSummary
{
    /// <summary>"fusemix", or "cca" for the linear baseline.</summary>
    public required string Method { get; init; }

    /// <summary>What computed, e.g. "CPU, 2 threads, oneDNN 2.6".</summary>
    public required string Device { get; init; }

    /// <summary>Training pairs, over all lists.</summary>
    public required int Pairs { get; init; }

    /// <summary>Numbers that were learned.</summary>
    public required long Learned { get; init; }

    /// <summary>Optimiser steps that were made, fewer than the recipe's where its patience ended the run; 0 for the baseline.</summary>
    public int Steps { get; init; }

    /// <summary>Steps in an epoch.</summary>
    public int StepsPerEpoch { get; init; }

    /// <summary>Mixed pairs in a step, over all lists; below the recipe's batch size where the data had fewer.</summary>
    public int PairsPerStep { get; init; }

    /// <summary>The step whose weights these are: the last one, or the best validated one.</summary>
    public int KeptStep { get; init; }

    /// <summary>Loss of the last step.</summary>
    public double? FinalLoss { get; init; }

    /// <summary>Mixed pairs per second of the last call, without validation.</summary>
    public double? PairsPerSecond { get; init; }

    /// <summary>Fingerprint of the data, see <see cref="TrainingData.Fingerprint"/>.</summary>
    public required string Data { get; init; }

    /// <summary>The job that made it; null where none did.</summary>
    public TrainingJob? Job { get; init; }

    /// <summary>Every validation, in order.</summary>
    public IReadOnlyList<ValidationResult> Validations { get; init; } = [];
}

/// <summary>The job that made a fusion model. An id may be given again once its job is forgotten; with the time it is not.</summary>
/// <param name="Id">Its id.</param>
/// <param name="SubmittedAt">When it was first submitted.</param>
public sealed record TrainingJob(string Id, DateTimeOffset SubmittedAt);
