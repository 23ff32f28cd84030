using FuseMix.Contracts;
using FuseMix.Contracts.Extraction;
using FuseMix.Testing.Clusters;

namespace FuseMix.Silo.Tests.Processes.Clusters.Regressions;

/// <summary>The jobs of a home folder, which were lost when its grains' state moved to a database.</summary>
[Trait("Category", "Slow")]
public sealed class PulledAwayTests(PostgreSqlFixture server) : IClassFixture<PostgreSqlFixture>
{
    [Fact]
    public async Task A_home_that_moves_to_PostgreSQL_takes_its_jobs_along()
    {
        var database = await server.CreateDatabase("moved");
        using var home = TestHome.Create();
        await using (var alone = await SiloProcess.StartAsync(home))
        {
            using var client = alone.Client();
            await client.StartExtraction(new ExtractionRequest(TestHome.Dataset, TestHome.TextEncoder));
            Assert.Equal(
                JobState.Completed, (await Patience.Read(client.WatchExtraction(TestHome.Dataset, TestHome.TextEncoder)))[^1].State);
            await alone.Leave();
        }

        string[] elsewhere = ["Cluster:Kind=PostgreSql", $"Cluster:ConnectionString={database}", "Cluster:AdvertisedAddress=127.0.0.1"];
        await using (var moved = await SiloProcess.StartAsync(home, elsewhere))
        {
            Assert.Contains("states of grains were moved from", moved.Process.Printed, StringComparison.Ordinal);
            using var client = moved.Client();
            Assert.Equal(JobState.Completed, (await client.Extraction(TestHome.Dataset, TestHome.TextEncoder)).State);

            // What has moved is a state like any other.
            await client.StartExtraction(new ExtractionRequest(TestHome.Dataset, TestHome.TextEncoder));
            Assert.Equal(
                JobState.Completed, (await Patience.Read(client.WatchExtraction(TestHome.Dataset, TestHome.TextEncoder)))[^1].State);
            await moved.Leave();
        }

        await using var again = await SiloProcess.StartAsync(home, elsewhere);
        Assert.DoesNotContain("were moved", again.Process.Printed, StringComparison.Ordinal);
        using var asking = again.Client();
        Assert.Equal(JobState.Completed, (await asking.Extraction(TestHome.Dataset, TestHome.TextEncoder)).State);
    }
}
