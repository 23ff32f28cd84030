using FuseMix.Client;
using FuseMix.Contracts;
using FuseMix.Contracts.Collections;
using FuseMix.Contracts.Extraction;
using FuseMix.Contracts.Search;
using FuseMix.Contracts.Training;
using FuseMix.Grains.Tests.Clusters;

namespace FuseMix.Benchmarks.Cluster;

/// <summary>What the silos are given to do.</summary>
internal static class BusyWork
{
    public const string Collection = "boats";
    public static readonly string[] Encoders = [TestHome.ImageEncoder, TestHome.TextEncoder];

    /// <summary>Latents of the dataset, the model "first" and the collection "boats" in ten shards.</summary>
    public static async Task Prepare(IFuseMixClient client)
    {
        foreach (var encoder in Encoders) await Extract(client, TestHome.Dataset, encoder);
        await Train(client, "first", "first", 1);
        await Build(client, new CollectionBuild("first", TestHome.Dataset, RowsPerShard: 5));
    }

    public static async Task Extract(IFuseMixClient client, string dataset, string encoder)
    {
        await client.StartExtraction(new ExtractionRequest(dataset, encoder));
        await foreach (var status in client.WatchExtraction(dataset, encoder)) Require(status.State, status.Error);
    }

    public static async Task Train(IFuseMixClient client, string job, string model, ulong seed)
    {
        var encoders = new Dictionary<Modality, string> { [Modality.Image] = TestHome.ImageEncoder, [Modality.Text] = TestHome.TextEncoder };
        const string recipe = """{ "steps": 400, "batchSize": 8, "depth": 1, "sharedDimension": 8, "dropout": 0.1, "learningRate": 0.01 }""";
        await client.SubmitTraining(new TrainingRequest(job, model, TestHome.Dataset, encoders, recipe, seed));
        await foreach (var status in client.WatchTraining(job)) Require(status.State, status.Error);
    }

    public static async Task Build(IFuseMixClient client, CollectionBuild request)
    {
        await client.StartBuild(Collection, request);
        await foreach (var status in client.WatchBuild(Collection)) Require(status.State, status.Error);
    }

    /// <summary>Searches by text, by picture and by item, eight of each.</summary>
    public static SearchRequest[] Queries() =>
    [
        .. Enumerable.Range(0, 8).Select(i => new SearchRequest(Collection, [SearchQuery.OfText(TestHome.Caption(i))], null, 20)),
        .. Enumerable.Range(0, 8).Select(i => new SearchRequest(Collection, [SearchQuery.OfContent(Modality.Image, TestHome.Picture(i))], Modality.Text, 10)),
        .. Enumerable.Range(0, 8).Select(i => new SearchRequest(Collection, [SearchQuery.OfItem($"img-{i:D2}")], Modality.Image, 10)),
    ];

    private static void Require(JobState state, string? error)
    {
        if (state is JobState.Failed or JobState.Cancelled) throw new InvalidOperationException($"A job is {state}: {error}");
    }
}
