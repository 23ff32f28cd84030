using System.Diagnostics;
using FuseMix.Contracts;
using FuseMix.Contracts.Extraction;
using FuseMix.Testing.Clusters;

namespace FuseMix.Silo.Tests.Processes.Clusters;

/// <summary>Three silo processes of one cluster that find one another, and keep their grains' state, in PostgreSQL.</summary>
[Trait("Category", "Slow")]
[Collection(nameof(PreparedProcesses))]
public sealed class PostgreSqlClusterTests(PreparedProcesses prepared, PostgreSqlFixture server) : IClassFixture<PostgreSqlFixture>, IDisposable
{
    private static readonly string[] Nodes = ["gateway+index@one", "gateway+index@two", "gateway+index+extract+train@three"];

    private readonly TestHome _home = TestHome.CopyOf(prepared.Home);

    public void Dispose() => _home.Dispose();

    [Fact]
    public async Task A_node_killed_during_searches_is_not_missed()
    {
        await using var cluster = await Start("killed_in_search", Nodes);
        using (var client = cluster.Client()) await Work.Build(client);
        await using var searching = new Searching(cluster);
        await searching.More(20);

        var killed = Stopwatch.GetTimestamp();
        cluster["one"].Process.Kill();
        await searching.More(20);
        Work.Tell("20 searches answered after a node was killed", Work.Since(killed));
        await Active(cluster, 2, but: "one");
        Work.Tell("a killed node is given up", Work.Since(killed));
        await searching.AreCompleteAgain();
        await searching.End();

        Tell(searching);
        Assert.Empty(searching.Failures);
        Assert.Single(searching.Kinds);
    }

    [Fact]
    public async Task A_rolling_restart_of_every_node_fails_no_search()
    {
        await using var cluster = await Start("rolling", Nodes);
        using (var client = cluster.Client()) await Work.Build(client);
        await using var searching = new Searching(cluster);
        await searching.More(20);

        foreach (var node in Nodes)
        {
            var started = Stopwatch.GetTimestamp();
            var name = node.Split('@')[1];
            var old = cluster[name];
            Assert.Equal(0, (await old.Leave()).Code);
            await old.DisposeAsync();
            await cluster.StartAsync(node);
            await searching.More(10);
            Work.Tell($"node {name} restarted", Work.Since(started));
        }

        await searching.End();
        Tell(searching);
        Assert.Empty(searching.Failures);
        Assert.Equal(0, searching.Incomplete);
        Assert.Single(searching.Kinds);
    }

    [Fact]
    public async Task An_extractor_node_killed_with_a_shard_in_hand_costs_no_more_than_that_shard()
    {
        using var home = TestHome.Create();
        using var held = new HeldFile(home.PicturePath("img-09"));
        await using var cluster = await Start(
            "killed_in_extraction", home, ["gateway+train@front", "extract@one"], "Node:LeaseDuration=00:00:06");
        using var client = cluster["front"].Client();
        await client.StartExtraction(new ExtractionRequest(TestHome.Dataset, TestHome.ImageEncoder));
        await held.Reached;
        var kept = home.LatentFiles(TestHome.ImageEncoder);

        var killed = Stopwatch.GetTimestamp();
        cluster["one"].Process.Kill();
        held.PutBack();
        await cluster.StartAsync("extract@two");
        var end = (await Patience.Read(client.WatchExtraction(TestHome.Dataset, TestHome.ImageEncoder)))[^1];
        Work.Tell("an extraction is over whose only node was killed, with a lease of 6 s", Work.Since(killed));
        Assert.Equal((JobState.Completed, 25, 0), (end.State, end.ItemsDone, end.ItemsFailed));
        var after = home.LatentFiles(TestHome.ImageEncoder);
        Assert.All(kept, file => Assert.Equal(file.Value, after[file.Key]));
    }

    [Fact]
    public async Task A_training_goes_on_elsewhere_when_its_node_is_killed_and_ends_at_the_same_weights()
    {
        await using var cluster = await Start(
            "killed_in_training", ["gateway@front", "train@one", "train@two"], "Node:CheckpointSteps=200");
        using var client = cluster["front"].Client();
        await client.SubmitTraining(Work.Training("moved", "moved"));
        await Work.Reaches(client, "moved", status => status.Step > Work.Steps / 4);

        var killed = Stopwatch.GetTimestamp();
        cluster[cluster.WhoLogged("Training job moved makes")].Process.Kill();
        var resumed = await Work.Reaches(client, "moved", status => status.ResumedFrom > 0);
        Work.Tell("a training goes on elsewhere", Work.Since(killed));
        Assert.InRange(resumed.ResumedFrom, (Work.Steps / 4) - 200, Work.Steps);
        Assert.Equal(JobState.Completed, (await Work.Ends(client, "moved")).State);
        Work.AssertAsCalm(_home, "moved");
    }

    [Fact]
    public async Task A_trainer_that_stalls_is_replaced_and_can_write_nothing_when_it_wakes_up()
    {
        await using var cluster = await Start("stalled", ["gateway@front", "train@one", "train@two"], "Node:CheckpointSteps=200");
        using var client = cluster["front"].Client();
        await client.SubmitTraining(Work.Training("stalled", "stalled"));
        await Work.Reaches(client, "stalled", status => status.Step > Work.Steps / 4);
        var stalled = cluster[cluster.WhoLogged("Training job stalled makes")];

        var frozen = Stopwatch.GetTimestamp();
        stalled.Process.Freeze();
        await Work.Reaches(client, "stalled", status => status.ResumedFrom > 0);
        Work.Tell("a stalled trainer is replaced", Work.Since(frozen));

        // It wakes up as a trainer in mid-run, finds at its next checkpoint that it is none any more, and that its node was given up.
        stalled.Process.Thaw();
        Assert.NotEqual(0, await stalled.Process.Exited);
        Assert.Equal(JobState.Completed, (await Work.Ends(client, "stalled")).State);
        Work.AssertAsCalm(_home, "stalled");
    }

    [Fact]
    public async Task States_are_kept_as_text_that_another_version_can_read()
    {
        var database = await server.CreateDatabase("states");
        await using (var cluster = new SiloCluster(_home, [.. PostgreSql(database)]))
        {
            await cluster.StartAsync(Nodes[2]);
            using var client = cluster["three"].Client();
            await client.StartExtraction(new ExtractionRequest(TestHome.Dataset, TestHome.TextEncoder));
            await Patience.Read(client.WatchExtraction(TestHome.Dataset, TestHome.TextEncoder));
        }

        var states = await PostgreSqlServer.Query(database, "SELECT convert_from(payloadbinary, 'UTF8') FROM orleansstorage");
        Assert.NotEmpty(states);
        Assert.All(states, state => Assert.DoesNotContain("$type", (string)state, StringComparison.Ordinal));
        Assert.Contains(states, state => ((string)state).Contains("\"state\":\"Completed\"", StringComparison.Ordinal));

        // A member that this version does not know, as a later one would have written it.
        await PostgreSqlServer.Execute(
            database,
            "UPDATE orleansstorage SET payloadbinary = convert_to(replace(convert_from(payloadbinary, 'UTF8'), '\"state\":', "
                + "'\"later\":7,\"state\":'), 'UTF8')");
        await using var again = new SiloCluster(_home, [.. PostgreSql(database)]);
        await again.StartAsync(Nodes[2]);
        using var asking = again["three"].Client();
        Assert.Equal(JobState.Completed, (await asking.Extraction(TestHome.Dataset, TestHome.TextEncoder)).State);
    }

    private static string[] PostgreSql(string connectionString) =>
        ["Cluster:Kind=PostgreSql", $"Cluster:ConnectionString={connectionString}", "Node:ShardReplicas=2"];

    private static void Tell(Searching searching) => TestContext.Current.SendDiagnosticMessage(
        $"{searching.Answered} searches answered, {searching.Failures.Count} failed, {searching.Incomplete} incomplete; "
            + $"{searching.FailedAttempts} attempts repeated; "
        + $"the longest took {searching.Longest.TotalSeconds:0.00} s");

    private static async Task Active(SiloCluster cluster, int count, string but)
    {
        foreach (var silo in cluster.Silos.Where(silo => silo != cluster[but]))
        {
            using var client = silo.Client();
            await Patience.Until(() => client.Cluster(), status => status.Nodes.Count(node => node.State == "Active") == count);
        }
    }

    private Task<SiloCluster> Start(string name, string[] nodes, params string[] settings) => Start(name, _home, nodes, settings);

    private async Task<SiloCluster> Start(string name, TestHome home, string[] nodes, params string[] settings)
    {
        var cluster = new SiloCluster(home, [.. PostgreSql(await server.CreateDatabase(name)), .. settings]);
        try
        {
            await cluster.StartAsync(nodes);
            await cluster.Sees(nodes.Length);
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }
}
