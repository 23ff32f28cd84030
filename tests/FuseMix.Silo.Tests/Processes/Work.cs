using System.Diagnostics;
using FuseMix.Client;
using FuseMix.Contracts;
using FuseMix.Contracts.Collections;
using FuseMix.Contracts.Extraction;
using FuseMix.Contracts.Search;
using FuseMix.Contracts.Training;
using FuseMix.Grains.Tests.Clusters;

namespace FuseMix.Silo.Tests.Processes;

/// <summary>What the processes are given to do.</summary>
internal static class Work
{
    public const string Collection = "boats";
    public const string Model = "boats-model";

    /// <summary>What <see cref="Training"/> makes where nothing disturbs it.</summary>
    public const string Calm = "calm";

    /// <summary>Optimiser steps of <see cref="Training"/>: some seconds' worth.</summary>
    public const int Steps = 16_000;

    private static readonly Dictionary<Modality, string> Encoders = new() { [Modality.Image] = TestHome.ImageEncoder, [Modality.Text] = TestHome.TextEncoder };

    /// <summary>A training that is long enough to be killed in its middle, always the same.</summary>
    public static TrainingRequest Training(string jobId, string model) => new(
        jobId,
        model,
        TestHome.Dataset,
        Encoders,
        $$"""{ "steps": {{Steps}}, "batchSize": 16, "depth": 2, "sharedDimension": 64, "dropout": 0.1, "learningRate": 0.003 }""",
        Seed: 11);

    /// <summary>Both latent sets, and the models "boats-model" and "calm", through a client.</summary>
    public static async Task Prepare(IFuseMixClient client)
    {
        foreach (var encoder in (string[])[TestHome.ImageEncoder, TestHome.TextEncoder])
        {
            await client.StartExtraction(new ExtractionRequest(TestHome.Dataset, encoder));
            Require((await Patience.Read(client.WatchExtraction(TestHome.Dataset, encoder)))[^1].State);
        }

        const string recipe = """{ "steps": 40, "batchSize": 8, "depth": 1, "sharedDimension": 8, "dropout": 0.1, "learningRate": 0.01 }""";
        await client.SubmitTraining(new TrainingRequest("first", Model, TestHome.Dataset, Encoders, recipe, 1));
        await client.SubmitTraining(Training("calm", Calm));
        foreach (var job in (string[])["first", "calm"]) Require((await Ends(client, job)).State);
    }

    /// <summary>The collection "boats", in several shards.</summary>
    public static async Task Build(IFuseMixClient client)
    {
        await client.StartBuild(Collection, new CollectionBuild(Model, TestHome.Dataset, RowsPerShard: 16));
        Require((await Patience.Read(client.WatchBuild(Collection)))[^1].State);
    }

    /// <summary>Waits until a training has come to a step.</summary>
    /// <returns>What it was then.</returns>
    public static async Task<TrainingStatus> Reaches(IFuseMixClient client, string jobId, Func<TrainingStatus, bool> wanted)
    {
        var seen = await Patience.Read(client.WatchTraining(jobId), status => wanted(status) || status.State.IsOver());
        return wanted(seen[^1]) ? seen[^1] : throw new InvalidOperationException($"It ended before: {seen[^1]}");
    }

    /// <summary>Waits for the end of a training.</summary>
    public static async Task<TrainingStatus> Ends(IFuseMixClient client, string jobId) => (await Patience.Read(client.WatchTraining(jobId)))[^1];

    /// <summary>Checks that a model is, to the last bit, what an undisturbed training makes.</summary>
    public static void AssertAsCalm(TestHome home, string model)
    {
        foreach (var modality in Encoders.Keys)
        {
            var (expected, actual) = (home.Embeddings(Calm, modality), home.Embeddings(model, modality));
            Assert.Equal(expected.Keys.Order(), actual.Keys.Order());
            Assert.All(expected, item => Assert.Equal(item.Value, actual[item.Key]));
        }
    }

    public static SearchRequest Search(string text) => new(Collection, [SearchQuery.OfText(text)], Modality.Image, K: 3);

    /// <summary>A fact worth reporting, with how busy the machine was: figures mean nothing without.</summary>
    public static void Tell(string what, TimeSpan took) => TestContext.Current.SendDiagnosticMessage(
        $"{what}: {took.TotalSeconds:0.0} s (load {File.ReadAllText("/proc/loadavg").Split(' ')[0]})");

    public static TimeSpan Since(long timestamp) => Stopwatch.GetElapsedTime(timestamp);

    private static void Require(JobState state)
    {
        if (state != JobState.Completed) throw new InvalidOperationException($"A job of the preparation is {state}.");
    }
}
