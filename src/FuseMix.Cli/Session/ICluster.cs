using FuseMix.Grains.Hosting;
using FuseMix.Storage;
using Microsoft.Extensions.Logging;
using Orleans;

namespace FuseMix.Cli.Session;

/// <summary>A cluster to talk to.</summary>
internal interface ICluster : IAsyncDisposable
{
    IGrainFactory Grains { get; }
}

/// <summary>A whole cluster in this process.</summary>
internal sealed class InProcessCluster(LocalCluster cluster) : ICluster
{
    public IGrainFactory Grains => cluster.Grains;

    public static async Task<ICluster> StartAsync(FuseMixHome home, bool verbose, CancellationToken cancellationToken) =>
        new InProcessCluster(await LocalCluster.StartAsync(
            home, options: null, verbose ? LogLevel.Information : LogLevel.Error, cancellationToken));

    public ValueTask DisposeAsync() => cluster.DisposeAsync();
}
