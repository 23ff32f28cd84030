using FuseMix.Cli.Session;
using FuseMix.Client;
using FuseMix.Contracts;
using FuseMix.Contracts.Catalog;
using FuseMix.Contracts.Training;

namespace FuseMix.Cli.Models;

/// <summary>What there is to know about the fusion models here.</summary>
internal static class ModelCatalog
{
    /// <exception cref="FuseMixException">There is no such model (the nearest name is given).</exception>
    public static async Task<ModelSummary> Find(CliRun run, string name)
    {
        var models = await run.Client.Models(run.Stop);
        return models.FirstOrDefault(m => m.Name == name) ?? throw FuseMixException.UnknownName(
            "fusion model", name, models.Select(m => m.Name));
    }

    /// <summary>The training of a model that is listed first; null where none is known.</summary>
    public static async Task<TrainingStatus?> Training(
        IFuseMixClient client, string model, Func<TrainingStatus, bool> wanted, CancellationToken cancellationToken)
    {
        for (string? next = null; ;)
        {
            var page = await client.Trainings(ITrainerGrain.MostListed, next, cancellationToken);
            if (page.Trainings.FirstOrDefault(job => job.Model == model && wanted(job)) is { } job) return job;
            if ((next = page.Next) is null) return null;
        }
    }

    /// <summary>
    /// The dataset that a command means which names only a model: the one that it was last trained on, or for a model whose training is not
    /// known here, the one that has latents of all its encoders.
    /// </summary>
    /// <exception cref="FuseMixException">There is none, or more than one.</exception>
    public static async Task<string> DatasetOf(CliRun run, string name)
    {
        var model = await Find(run, name);
        if (await Training(run.ClientToWork(), name, job => job.State == JobState.Completed, run.Stop) is { Dataset.Length: > 0 } training)
            return training.Dataset;
        var latents = await run.Client.LatentSets(run.Stop);
        var datasets = latents.Where(l => l.Complete).GroupBy(l => l.Dataset)
            .Where(d => model.Encoders.Values.SelectMany(EncoderNames.Parse).All(encoder => d.Any(l => l.Encoder == encoder))).Select(
                d => d.Key).ToArray();
        return datasets switch
        {
            [var only] => only,
            [] => throw new FuseMixException(
                FailureKind.NotFound,
                $"No dataset has complete latents of {string.Join(" and ", model.Encoders.Values)}, the encoders of '{name}'.",
                "Run './fusemix extract DATASET' first."),
            _ => throw new FuseMixException(
                FailureKind.Invalid, $"Several datasets have latents of the encoders of '{name}': {string.Join(", ", datasets)}.",
                $"Say which with --dataset, for example --dataset {datasets[0]}."),
        };
    }
}
