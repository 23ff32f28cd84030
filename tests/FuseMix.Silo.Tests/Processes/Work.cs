using System.Diagnostics;
using FuseMix.Client;
using FuseMix.Contracts;
using FuseMix.Contracts.Collections;
using FuseMix.Contracts.Search;
using FuseMix.Contracts.Training;
using FuseMix.Testing.Clusters;

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

    /// <summary>A training that is long enough to be killed in its middle, always the same.</summary>
    public static TrainingRequest Training(string jobId, string model) => new(
        jobId,
        model,
        TestHome.Dataset,
        new(TestHome.Encoders),
        $$"""{ "steps": {{Steps}}, "batchSize": 16, "depth": 2, "sharedDimension": 64, "dropout": 0.1, "learningRate": 0.003 }""",
        Seed: 11);

    /// <summary>Both latent sets, and the models "boats-model" and "calm", through a client.</summary>
    public static async Task Prepare(IFuseMixClient client)
    {
        var jobs = new HomeJobs(client);
        await jobs.Extract();
        await jobs.Train(TestHome.Training("first", Model, seed: 1));
        await jobs.Train(Training("calm", Calm));
    }

    /// <summary>The collection "boats", in several shards.</summary>
    public static Task Build(IFuseMixClient client) =>
        new HomeJobs(client).Build(Collection, new CollectionBuild(Model, TestHome.Dataset, RowsPerShard: 16));

    /// <summary>Waits until a training has come to a step.</summary>
    /// <returns>What it was then.</returns>
    public static async Task<TrainingStatus> Reaches(IFuseMixClient client, string jobId, Func<TrainingStatus, bool> wanted)
    {
        var seen = await Patience.Read(client.WatchTraining(jobId), status => wanted(status) || status.State.IsOver());
        return wanted(seen[^1]) ? seen[^1] : throw new InvalidOperationException($"It ended before: {seen[^1]}");
    }

    /// <summary>Waits for the end of a training.</summary>
    public static async Task<TrainingStatus> Ends(IFuseMixClient client, string jobId) =>
        (await Patience.Read(client.WatchTraining(jobId)))[^1];

    /// <summary>Checks that a model is, to the last bit, what an undisturbed training makes.</summary>
    public static void AssertAsCalm(TestHome home, string model)
    {
        foreach (var modality in TestHome.Encoders.Keys)
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
}
