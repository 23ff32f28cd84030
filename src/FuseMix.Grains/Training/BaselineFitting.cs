using FuseMix.Data.Latents;
using FuseMix.Grains.Home;
using FuseMix.Training.Baselines;

namespace FuseMix.Grains.Training;

/// <summary>Fits the yardstick that fusion models are shown beside.</summary>
internal sealed class BaselineFitting(DatasetCache datasets, LatentStore latents, FusionModels models)
{
    /// <summary>Fits linear CCA to the training pairs of a dataset, by the encoders of a fusion model.</summary>
    /// <returns>Name of the linear model, which says what it was fitted to.</returns>
    /// <exception cref="FuseMixException">Unknown model or dataset, or latents or pairs are missing.</exception>
    /// <exception cref="OperationCanceledException">It was stopped; nothing was written.</exception>
    public string Fit(string model, string dataset, CancellationToken cancellationToken)
    {
        var source = datasets.Get(dataset);
        var trained = models.Get(model);
        cancellationToken.ThrowIfCancellationRequested();
        using var paired = PairedLatents.Open(source, trained, latents, fold: null);
        var data = paired.ToTrainingData();
        var name = $"cca-{dataset}-{Fingerprint.Of($"{source.Fingerprint} {data.Fingerprint()}").Short[..8]}";
        if (!models.Contains(name)) models.Save(name, CanonicalCorrelation.Fit(data, cancellationToken: cancellationToken));
        return name;
    }
}
