using FuseMix.Testing.Clusters;

namespace FuseMix.Silo.Tests.Processes.Clusters;

/// <summary>A PostgreSQL server for the tests of a class. A test that asks for it where there is none is skipped.</summary>
public sealed class PostgreSqlFixture : IAsyncLifetime
{
    private PostgreSqlServer? _server;

    /// <inheritdoc cref="PostgreSqlServer.ConnectionString"/>
    public string ConnectionString => Server.ConnectionString;

    private PostgreSqlServer Server
    {
        get
        {
            // A fixture that skipped while it is set up would fail its tests instead.
            Assert.SkipWhen(_server is null, PostgreSqlServer.WhyMissing);
            return _server;
        }
    }

    public async ValueTask InitializeAsync()
    {
        if (PostgreSqlServer.IsInstalled) _server = await PostgreSqlServer.StartAsync();
    }

    /// <inheritdoc cref="PostgreSqlServer.CreateDatabase"/>
    public Task<string> CreateDatabase(string name) => Server.CreateDatabase(name);

    public ValueTask DisposeAsync() => _server?.DisposeAsync() ?? ValueTask.CompletedTask;
}
