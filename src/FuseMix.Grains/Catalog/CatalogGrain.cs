using FuseMix.Contracts.Catalog;
using FuseMix.Data.Datasets;
using FuseMix.Data.Latents;
using FuseMix.Encoders.Packs;
using FuseMix.Grains.Home;
using FuseMix.Retrieval.Generations;
using Orleans;
using Orleans.Concurrency;

namespace FuseMix.Grains.Catalog;

[StatelessWorker]
[GrainType("catalog")]
internal sealed class CatalogGrain(
    EncoderPackStore packs, DatasetStore datasets, DatasetCache cache, LatentStore latents, FusionModels models,
    CollectionStore collections)
    : Grain, ICatalogGrain
{
    public Task<EncoderSummary[]> Encoders() => Task.Run<EncoderSummary[]>(() => [.. packs.List().Select(name =>
    {
        try
        {
            return Summaries.Of(packs.Load(name));
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
            return Summaries.Of(datasets.Describe(name));
        }
        catch (FuseMixException damaged)
        {
            return new DatasetSummary(name, [], [], 0, 0, "", damaged.Advice);
        }
    })]);

    public Task<DatasetDetails> Dataset(string name) => Task.Run(() =>
    {
        var dataset = cache.Get(name);
        return Summaries.Details(dataset, latents.List(name));
    });

    public Task<LatentSetSummary[]> LatentSets() =>
        Task.Run<LatentSetSummary[]>(() => [.. latents.List().Select(set => new LatentSetSummary(
        set.Dataset, set.Encoder, set.EncoderFingerprint.Hex, set.Rows, set.Dimension, set.Failures.Count, set.IsComplete))]);

    public Task<ModelSummary[]> Models() => Task.Run<ModelSummary[]>(() => [.. models.Names().Select(name =>
    {
        try
        {
            var model = models.Get(name);
            return new ModelSummary(
                name, new Dictionary<Modality, string>(model.Encoders()), model.SharedDimension, model.Training.Steps, null);
        }
        catch (FuseMixException damaged)
        {
            return new ModelSummary(name, [], 0, 0, damaged.Advice);
        }
    })]);

    public Task<string[]> Collections() => Task.Run<string[]>(() => [.. collections.Collections()]);
}
