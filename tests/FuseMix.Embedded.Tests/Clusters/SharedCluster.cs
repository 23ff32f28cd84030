using FuseMix.Embedded.Tests.Clusters;
using Orleans;

[assembly: AssemblyFixture(typeof(SharedCluster))]

namespace FuseMix.Embedded.Tests.Clusters;

/// <summary>A cluster of three nodes for all tests that neither add nor end nodes.</summary>
public sealed class SharedCluster : IAsyncLifetime
{
    public static readonly string[] Nodes = ["train+index@one", "index@two", "extract@three"];

    private RuntimeCluster _cluster = null!;

    public IClusterClient Client => _cluster.Client;

    public IServiceProvider ServicesOf(string node) => _cluster.ServicesOf(node);

    public async ValueTask InitializeAsync() => _cluster = await ContractCluster.StartAsync(Nodes);

    public ValueTask DisposeAsync() => _cluster.DisposeAsync();
}
