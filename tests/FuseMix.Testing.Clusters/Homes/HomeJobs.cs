using FuseMix.Client;
using FuseMix.Contracts;
using FuseMix.Contracts.Collections;
using FuseMix.Contracts.Extraction;
using FuseMix.Contracts.Training;

namespace FuseMix.Testing.Clusters;

/// <summary>Jobs on a <see cref="TestHome"/> that a cluster serves, each waited for until it is completed.</summary>
/// <param name="client">A client of the cluster.</param>
/// <param name="patience">How long to wait for one job; null for as long as tests do.</param>
internal sealed class HomeJobs(IFuseMixClient client, TimeSpan? patience = null)
{
    /// <summary>The latents of both encoders.</summary>
    public async Task Extract(string dataset = TestHome.Dataset)
    {
        foreach (var encoder in TestHome.Encoders.Values)
        {
            await client.StartExtraction(new ExtractionRequest(dataset, encoder));
            Require(await Patience.Read(client.WatchExtraction(dataset, encoder), within: patience), status => status.State);
        }
    }

    /// <summary>A fusion model.</summary>
    public async Task Train(TrainingRequest request)
    {
        await client.SubmitTraining(request);
        Require(await Patience.Read(client.WatchTraining(request.JobId), within: patience), status => status.State);
    }

    /// <summary>A generation of a collection.</summary>
    public async Task Build(string collection, CollectionBuild request)
    {
        await client.StartBuild(collection, request);
        Require(await Patience.Read(client.WatchBuild(collection), within: patience), status => status.State);
    }

    private static void Require<T>(List<T> seen, Func<T, JobState> state)
    {
        if (state(seen[^1]) != JobState.Completed) throw new InvalidOperationException($"A job did not complete: {seen[^1]}");
    }
}
