using Orleans;

namespace FuseMix.Contracts.Training;

/// <summary>Train a fusion model on stored latents.</summary>
/// <param name="JobId">Given by the client, so that a repeated request is recognised.</param>
/// <param name="Model">Name of the fusion model to make; replaced only when the job completes.</param>
/// <param name="Dataset">Name of a dataset with pairs between the modalities of the encoders.</param>
/// <param name="Encoders">
/// Encoder pack per modality, e.g. Image → mobilenet-v2-mid; several of one modality, whose latents stand side by side, as "a+b".
/// </param>
/// <param name="Recipe">The recipe as JSON; see <c>docs/training.md</c> for the keys.</param>
/// <param name="Seed">Decides every random number.</param>
/// <param name="Fold">
/// For cross-validation, "2/5": train and validation are divided into five parts by groups, the second stands in for validation, the others
/// for train. Null for the dataset's own splits.
/// </param>
[GenerateSerializer, Immutable, Alias("fusemix.TrainingRequest")]
public sealed record TrainingRequest(
    string JobId, string Model, string Dataset, Dictionary<Modality, string> Encoders, string Recipe, ulong Seed = 0, string? Fold = null);

/// <summary>How far a training job is.</summary>
/// <param name="JobId">Its id.</param>
/// <param name="Model">Name of the fusion model that it makes.</param>
/// <param name="State">Where it stands.</param>
/// <param name="Step">Optimiser steps done.</param>
/// <param name="Steps">Optimiser steps in all; 0 while not known.</param>
/// <param name="Loss">Loss of the last step; NaN before the first.</param>
/// <param name="LearningRate">Learning rate of the last step.</param>
/// <param name="Temperature">τ after the last step.</param>
/// <param name="PairsPerSecond">Mixed pairs per second of this run.</param>
/// <param name="Remaining">Estimated time left; null while not known.</param>
/// <param name="ResumedFrom">Step of the checkpoint that this run went on from; 0 when it began anew.</param>
/// <param name="SubmittedAt">When the job was first submitted.</param>
/// <param name="Error">Why it failed; null otherwise.</param>
/// <param name="Dataset">Name of the dataset that it trains on.</param>
/// <param name="Epoch">Epoch of the last step, from 1; 0 before the first.</param>
/// <param name="Epochs">Epochs in all; 0 while not known.</param>
/// <param name="Validation">The last recall on the validation pairs; null before the first, or where the recipe asks for none.</param>
[GenerateSerializer, Immutable, Alias("fusemix.TrainingStatus")]
public sealed record TrainingStatus(
    string JobId,
    string Model,
    JobState State,
    int Step,
    int Steps,
    double Loss,
    double LearningRate,
    double Temperature,
    double PairsPerSecond,
    TimeSpan? Remaining,
    int ResumedFrom,
    DateTimeOffset SubmittedAt,
    string? Error,
    string Dataset = "",
    int Epoch = 0,
    int Epochs = 0,
    TrainingValidation? Validation = null);

/// <summary>Some of the training jobs.</summary>
/// <param name="Trainings">The jobs, in the order of the whole list.</param>
/// <param name="Next">Where the page after this one begins; null at the end.</param>
[GenerateSerializer, Immutable, Alias("fusemix.TrainingPage")]
public sealed record TrainingPage(TrainingStatus[] Trainings, string? Next);

/// <summary>Recall on the validation pairs in the middle of a training.</summary>
/// <param name="Step">After which step.</param>
/// <param name="Epoch">After which epoch, from 1.</param>
/// <param name="At1">R@1, 0..100: the mean over both directions of every list of pairs.</param>
/// <param name="Mean">Mean of R@1, R@5 and R@10, 0..100: what the best epoch is chosen by.</param>
[GenerateSerializer, Immutable, Alias("fusemix.TrainingValidation")]
public sealed record TrainingValidation(int Step, int Epoch, double At1, double Mean);

/// <summary>Measure a fusion model.</summary>
/// <param name="Model">Name of a fusion model.</param>
/// <param name="Dataset">Name of a dataset.</param>
/// <param name="Split">train, validation or test.</param>
/// <param name="Without">Leave out items whose metadata have this key set to "true", e.g. "flag"; null for all.</param>
/// <param name="Fold">Divides train and validation as in <see cref="TrainingRequest"/>: validation is the fold, train the others. Null for
/// the dataset's own.</param>
[GenerateSerializer, Immutable, Alias("fusemix.EvaluationRequest")]
public sealed record EvaluationRequest(string Model, string Dataset, string Split, string? Without = null, string? Fold = null);

/// <summary>Recall of one direction, in percent.</summary>
/// <param name="From">Modality of the queries.</param>
/// <param name="To">Modality of the candidates.</param>
/// <param name="Queries">Number of queries.</param>
/// <param name="Candidates">Number of candidates.</param>
/// <param name="At1">R@1, 0..100.</param>
/// <param name="At5">R@5.</param>
/// <param name="At10">R@10.</param>
/// <param name="MedianRank">Median rank of the best correct candidate, from 1.</param>
[GenerateSerializer, Immutable, Alias("fusemix.DirectionRecall")]
public sealed record DirectionRecall(
    Modality From, Modality To, int Queries, int Candidates, double At1, double At5, double At10, double MedianRank);

/// <summary>Recall of a fusion model.</summary>
/// <param name="Model">Name of the fusion model.</param>
/// <param name="Dataset">Name of the dataset.</param>
/// <param name="Split">The split measured.</param>
/// <param name="Without">What was left out; null for nothing.</param>
/// <param name="Directions">Every direction between its modalities.</param>
/// <param name="Mean">Mean of R@1, R@5 and R@10 over the directions (the "mean of six" for two modalities).</param>
/// <param name="Fold">How train and validation were divided, as it was asked; null for the dataset's own splits.</param>
[GenerateSerializer, Immutable, Alias("fusemix.EvaluationReport")]
public sealed record EvaluationReport(
    string Model, string Dataset, string Split, string? Without, DirectionRecall[] Directions, double Mean, string? Fold = null);
