using FuseMix.Contracts.Collections;
using FuseMix.Contracts.Search;
using FuseMix.Contracts.Training;
using FuseMix.Testing.Clusters;

namespace FuseMix.Benchmarks.Cluster;

/// <summary>What the silos are given to do.</summary>
internal static class BusyWork
{
    public const string Collection = "boats";

    /// <summary>Latents of the dataset, the model "first" and the collection "boats" in ten shards.</summary>
    public static async Task Prepare(HomeJobs jobs)
    {
        await jobs.Extract();
        await jobs.Train(Training("first", "first", 1));
        await jobs.Build(Collection, new CollectionBuild("first", TestHome.Dataset, RowsPerShard: 5));
    }

    public static TrainingRequest Training(string job, string model, ulong seed) => TestHome.Training(job, model, seed, steps: 400);

    /// <summary>Searches by text, by picture and by item, eight of each.</summary>
    public static SearchRequest[] Queries() =>
    [
        .. Enumerable.Range(0, 8).Select(i => new SearchRequest(Collection, [SearchQuery.OfText(TestHome.Caption(i))], null, 20)),
        .. Enumerable.Range(0, 8).Select(
            i => new SearchRequest(Collection, [SearchQuery.OfContent(Modality.Image, TestHome.Picture(i))], Modality.Text, 10)),
        .. Enumerable.Range(0, 8).Select(i => new SearchRequest(Collection, [SearchQuery.OfItem($"img-{i:D2}")], Modality.Image, 10)),
    ];
}
