using FuseMix.Contracts.Training;
using FuseMix.Grains.Placement;
using Orleans;

namespace FuseMix.Grains.Training;

[IndexPlacement]
[GrainType("evaluation")]
internal sealed class EvaluationGrain(EvaluationQueue queue, ModelEvaluation evaluation, BaselineFitting baselines) : Grain, IEvaluationGrain
{
    public Task<EvaluationReport> Evaluate(EvaluationRequest request, CancellationToken cancellationToken = default) =>
        queue.Run(stop => evaluation.Run(request, stop), cancellationToken);

    public Task<string> FitBaseline(string model, string dataset, CancellationToken cancellationToken = default) =>
        queue.Run(stop => baselines.Fit(model, dataset, stop), cancellationToken);
}
