
using FuseMix.Hosting.PostgreSql;

namespace FuseMix.Silo.Tests.Processes.Clusters;

public sealed class PostgreSqlSchemaTests(PostgreSqlFixture server) : IClassFixture<PostgreSqlFixture>
{
    [Fact]
    public async Task Nodes_that_start_at_once_on_an_empty_database_make_everything_once()
    {
        for (var round = 0; round < 10; round++)
        {
            var database = await server.CreateDatabase($"empty_{round}");
            var made = await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => Task.Run(() => PostgreSqlSchema.EnsureAsync(database))));
            Assert.Single(made, scripts => scripts.Count > 0);
        }
    }
}
