using FuseMix.Testing.Clusters;

namespace FuseMix.Silo.Tests.Processes;

/// <summary>A home that a silo process has filled, to be copied; and the order that tests with processes run one after another.</summary>
[CollectionDefinition(nameof(PreparedProcesses))]
public sealed class PreparedProcesses : IAsyncLifetime, ICollectionFixture<PreparedProcesses>
{
    internal TestHome Home { get; } = TestHome.Create();

    public async ValueTask InitializeAsync()
    {
        await using var silo = await SiloProcess.StartAsync(Home);
        using var client = silo.Client();
        await Work.Prepare(client);
        Assert.Equal(0, (await silo.Leave()).Code);
    }

    public ValueTask DisposeAsync()
    {
        Home.Dispose();
        return ValueTask.CompletedTask;
    }
}
