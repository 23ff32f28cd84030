using System.Diagnostics;
using Azure.Storage.Blobs;
using FuseMix.Contracts;
using FuseMix.Testing.Clusters;

namespace FuseMix.Silo.Tests.Processes.Clusters;

/// <summary>Three silo processes of one cluster that find one another, and keep their grains' state, in Azure Storage (its
/// emulator).</summary>
[Trait("Category", "Slow")]
[Collection(nameof(PreparedProcesses))]
public sealed class AzureClusterTests(PreparedProcesses prepared, AzuriteServer server) : IClassFixture<AzuriteServer>, IDisposable
{
    private readonly TestHome _home = TestHome.CopyOf(prepared.Home);

    public void Dispose() => _home.Dispose();

    [Fact]
    public async Task A_cluster_works_on_when_one_of_its_nodes_is_killed_and_all_leave_in_order()
    {
        string[] nodes = ["gateway+index@one", "gateway+index+train@two", "gateway+index+train@three"];
        await using var cluster = new SiloCluster(
            _home, "Cluster:Kind=Azure", $"Cluster:ConnectionString={server.ConnectionString}", "Node:CheckpointSteps=200");
        await cluster.StartAsync(nodes);
        await cluster.Sees(3);
        using var client = cluster["one"].Client();
        await Work.Build(client);
        await client.SubmitTraining(Work.Training("moved", "moved"));
        await using var searching = new Searching(cluster);
        await searching.More(20);
        await Work.Reaches(client, "moved", status => status.Step > Work.Steps / 4);

        var killed = Stopwatch.GetTimestamp();
        var trainer = cluster.WhoLogged("Training job moved makes");
        cluster[trainer].Process.Kill();
        await Work.Reaches(client, "moved", status => status.ResumedFrom > 0);
        Work.Tell("a training goes on elsewhere", Work.Since(killed));
        Assert.Equal(JobState.Completed, (await Work.Ends(client, "moved")).State);
        Work.AssertAsCalm(_home, "moved");
        await searching.AreCompleteAgain();
        await searching.End();
        Assert.Empty(searching.Failures);
        Assert.Single(searching.Kinds);

        foreach (var silo in cluster.Silos.Where(silo => silo != cluster[trainer])) Assert.Equal(0, (await silo.Leave()).Code);
        await AssertStatesAreText();
    }

    private async Task AssertStatesAreText()
    {
        var container = new BlobServiceClient(server.ConnectionString).GetBlobContainerClient("grains-fusemix");
        var states = new List<string>();
        await foreach (var blob in container.GetBlobsAsync())
            states.Add((await container.GetBlobClient(blob.Name).DownloadContentAsync()).Value.Content.ToString());
        Assert.Contains(states, state => state.Contains("\"state\":\"Completed\"", StringComparison.Ordinal));
        Assert.All(states, state => Assert.DoesNotContain("$type", state, StringComparison.Ordinal));
    }
}
