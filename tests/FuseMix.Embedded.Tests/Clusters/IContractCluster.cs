using Orleans;

namespace FuseMix.Embedded.Tests.Clusters;

/// <summary>A cluster that the contract tests run on, of either runtime.</summary>
public interface IContractCluster : IAsyncDisposable
{
    /// <summary>A client outside of any node.</summary>
    IClusterClient Client { get; }

    /// <summary>The services of a node.</summary>
    IServiceProvider ServicesOf(string node);

    Task AddNodeAsync(string node);

    /// <summary>Stops a node in order.</summary>
    Task StopNodeAsync(string node);

    /// <summary>Ends a node as if the power went.</summary>
    Task KillNodeAsync(string node);
}
