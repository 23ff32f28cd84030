using FuseMix.Testing.Clusters;

namespace FuseMix.Silo.Tests.Processes.Clusters;

/// <summary>An Orleans client outside of the cluster, as docs/client.md shows it.</summary>
[Trait("Category", "Slow")]
[Collection(nameof(PreparedProcesses))]
public sealed class OrleansClientTests(PreparedProcesses prepared, PostgreSqlFixture postgreSql, AzuriteServer azurite)
    : IClassFixture<PostgreSqlFixture>, IClassFixture<AzuriteServer>, IDisposable
{
    private readonly TestHome _home = TestHome.CopyOf(prepared.Home);

    public void Dispose() => _home.Dispose();

    [Fact]
    public async Task A_client_that_finds_the_cluster_in_PostgreSQL_searches_and_is_told_why_not()
    {
        await using var cluster = new SiloCluster(
            _home, "Cluster:Kind=PostgreSql", $"Cluster:ConnectionString={postgreSql.ConnectionString}");
        await Prepare(cluster);
        var said = await OrleansClientSample.WithPostgreSql(postgreSql.ConnectionString);
        AssertSaid(said);
    }

    [Fact]
    public async Task A_client_that_finds_the_cluster_in_Azure_Storage_searches_and_is_told_why_not()
    {
        await using var cluster = new SiloCluster(_home, "Cluster:Kind=Azure", $"Cluster:ConnectionString={azurite.ConnectionString}");
        await Prepare(cluster);
        AssertSaid(await OrleansClientSample.WithAzure(azurite.ConnectionString));
    }

    private static async Task Prepare(SiloCluster cluster)
    {
        // The gateway alone lets clients in.
        await cluster.StartAsync("gateway@front", "index+train@back");
        await cluster.Sees(2);
        using var client = cluster["front"].Client();
        await Work.Build(client);

        // On a busy machine the first answer of a grain may take longer than a search waits for one: this one is awake when it is searched.
        await Assert.ThrowsAsync<FuseMixException>(() => client.Collection("boots"));
    }

    private static void AssertSaid(IReadOnlyList<string> said)
    {
        Assert.Equal(4, said.Count);
        Assert.All(said.Take(3), hit => Assert.Matches(@"^img-\S+: \d\.\d+$", hit));
        Assert.Equal("There is no collection named 'boots'. Did you mean 'boats'?", said[3]);
    }
}
