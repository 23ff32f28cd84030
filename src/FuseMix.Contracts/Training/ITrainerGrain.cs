using Orleans;
using Orleans.Concurrency;

namespace FuseMix.Contracts.Training;

/// <summary>The one trainer of the cluster: it owns the training device and works through a queue of jobs, one at a time.</summary>
/// <remarks>Key: <see cref="Key"/>. It lives on a node with the role <see cref="Cluster.NodeRoles.Train"/>.</remarks>
public interface ITrainerGrain : IGrainWithStringKey
{
    /// <summary>The only valid key.</summary>
    const string Key = "trainer";

    /// <summary>Puts a job in the queue and returns at once. Safe to repeat: a job of this id that is queued, running or completed
    /// answers its status; one that was cancelled or failed goes on from its last checkpoint.</summary>
    /// <exception cref="FuseMixException">Unknown dataset, encoder or recipe key; latents missing; the id stands for another request.</exception>
    Task<TrainingStatus> Submit(TrainingRequest request);

    /// <summary>Where a job stands.</summary>
    /// <exception cref="FuseMixException">No job has this id.</exception>
    [AlwaysInterleave]
    Task<TrainingStatus> Status(string jobId);

    /// <summary>Every job, newest first.</summary>
    [AlwaysInterleave]
    Task<TrainingStatus[]> List();

    /// <summary>Stops a job after the step in hand, with a checkpoint.</summary>
    [AlwaysInterleave]
    Task<TrainingStatus> Cancel(string jobId);

    /// <summary>The status now and as the job goes on, ending with the one in which it is over. A slow reader skips steps.</summary>
    IAsyncEnumerable<TrainingStatus> Watch(string jobId, CancellationToken cancellationToken = default);

    /// <summary>Fits the yardstick to the latents of a fusion model's encoders: regularised linear CCA, as a fusion model with linear
    /// adapters. Safe to repeat: it is named by what it is fitted to.</summary>
    /// <param name="model">Name of the fusion model whose encoders to take.</param>
    /// <param name="dataset">Name of the dataset whose training pairs to take.</param>
    /// <returns>Name of the linear model.</returns>
    [AlwaysInterleave]
    [ResponseTimeout("00:10:00")]
    Task<string> FitBaseline(string model, string dataset);

    /// <summary>Recall of a fusion model on one split of a dataset whose latents are stored.</summary>
    [AlwaysInterleave]
    [ResponseTimeout("00:10:00")]
    Task<EvaluationReport> Evaluate(EvaluationRequest request);
}
