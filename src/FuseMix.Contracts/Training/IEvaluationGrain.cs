using Orleans;
using Orleans.Concurrency;

namespace FuseMix.Contracts.Training;

/// <summary>Measures fusion models, and fits the yardsticks that they are shown beside: work of minutes, of which a node does one piece at
/// a time.</summary>
/// <remarks>
/// <para>It lives on nodes with the role <see cref="Cluster.NodeRoles.Index"/>, never for the sake of training. Any key will do; calls of
/// one key go to one node. By custom it is the model's name for evaluations, so that the model is loaded once, and the dataset's for
/// baselines, so that no two nodes fit the same one.</para>
/// <para>A call whose caller leaves stops, whether it waits or works.</para>
/// </remarks>
[Alias("fusemix.IEvaluationGrain")]
public interface IEvaluationGrain : IGrainWithStringKey
{
    /// <summary>Recall of a fusion model on one split of a dataset whose latents are stored.</summary>
    /// <param name="request">What to measure.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <exception cref="FuseMixException">Unknown model, dataset or split; latents missing; or too many wait already
    /// (unavailable).</exception>
    [AlwaysInterleave]
    [ResponseTimeout("00:10:00")]
    [Alias("Evaluate")]
    Task<EvaluationReport> Evaluate(EvaluationRequest request, CancellationToken cancellationToken = default);

    /// <summary>Fits the yardstick to the latents of a fusion model's encoders: regularised linear CCA, as a fusion model with linear
    /// adapters. Safe to repeat: it is named by what it is fitted to.</summary>
    /// <param name="model">Name of the fusion model whose encoders to take.</param>
    /// <param name="dataset">Name of the dataset whose training pairs to take.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <returns>Name of the linear model.</returns>
    /// <exception cref="FuseMixException">Unknown model or dataset; latents missing; or too many wait already (unavailable).</exception>
    [AlwaysInterleave]
    [ResponseTimeout("00:10:00")]
    [Alias("FitBaseline")]
    Task<string> FitBaseline(string model, string dataset, CancellationToken cancellationToken = default);
}
