using FuseMix.Contracts.Catalog;
using FuseMix.Data.Datasets;
using FuseMix.Data.Latents;
using FuseMix.Encoders.Packs;
using FuseMix.Grains.Nodes;
using FuseMix.Retrieval.Generations;
using Orleans;
using Orleans.Concurrency;

namespace FuseMix.Grains.Catalog;

[StatelessWorker]
internal sealed class CatalogGrain(
    EncoderPackStore packs, DatasetStore datasets, LatentStore latents, FusionModels models, CollectionStore collections) : Grain, ICatalogGrain
{
    public Task<EncoderSummary[]> Encoders() => Task.Run<EncoderSummary[]>(() => [.. packs.List().Select(name =>
    {
        try
        {
            var pack = packs.Load(name);
            var about = pack.Definition;
            return new EncoderSummary(name, about.Modality, about.Latent.Dimension, pack.Fingerprint.Hex, about.Licence, about.Origin, null);
        }
        catch (FuseMixException damaged)
        {
            // One damaged pack must not hide the others: it is listed with what is wrong.
            return new EncoderSummary(name, default, 0, "", "", "", damaged.Advice);
        }
    })]);

    public Task<DatasetSummary[]> Datasets() => Task.Run<DatasetSummary[]>(() => [.. datasets.Names().Select(name =>
    {
        try
        {
            var dataset = datasets.Describe(name);
            return new DatasetSummary(
                name,
                dataset.Items.ToDictionary(count => count.Modality, count => count.Count),
                Enum.GetValues<Split>().ToDictionary(split => split.ToString().ToLowerInvariant(), dataset.PairsIn),
                dataset.Groups,
                dataset.Failures,
                dataset.Licence,
                null);
        }
        catch (FuseMixException damaged)
        {
            return new DatasetSummary(name, [], [], 0, 0, "", damaged.Advice);
        }
    })]);

    public Task<LatentSetSummary[]> LatentSets() => Task.Run<LatentSetSummary[]>(() => [.. latents.List().Select(set => new LatentSetSummary(
        set.Dataset, set.Encoder, set.EncoderFingerprint.Hex, set.Rows, set.Dimension, set.Failures.Count, set.IsComplete))]);

    public Task<ModelSummary[]> Models() => Task.Run<ModelSummary[]>(() => [.. models.Names().Select(name =>
    {
        try
        {
            var model = models.Get(name);
            return new ModelSummary(name, new Dictionary<Modality, string>(model.Encoders()), model.SharedDimension, model.Training.Steps, null);
        }
        catch (FuseMixException damaged)
        {
            return new ModelSummary(name, [], 0, 0, damaged.Advice);
        }
    })]);

    public Task<string[]> Collections() => Task.Run<string[]>(() => [.. collections.Collections()]);
}
