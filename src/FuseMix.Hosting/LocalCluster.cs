using FuseMix.Contracts.Search;
using FuseMix.Grains.Cluster;
using FuseMix.Grains.Search;
using FuseMix.Hosting.Configuration;
using FuseMix.Storage;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans;

namespace FuseMix.Hosting;

/// <summary>A whole cluster in this process: one node with every role.</summary>
public sealed class LocalCluster : IAsyncDisposable
{
    private readonly IHost _host;
    private readonly Task _preparation;

    private LocalCluster(IHost host, Task preparation) => (_host, _preparation) = (host, preparation);

    /// <summary>Where to get grains.</summary>
    public IGrainFactory Grains => _host.Services.GetRequiredService<IGrainFactory>();

    /// <summary>Starts it.</summary>
    /// <param name="home">Where everything is stored.</param>
    /// <param name="options">How much of the machine to use; null for all of it.</param>
    /// <param name="logLevel">Least level of the log lines that go to standard error.</param>
    /// <param name="resumesJobs">Whether it goes on with jobs that it finds unfinished. One that only looks must not: another process may have
    /// them in hand.</param>
    /// <param name="firstSearch">What will be searched for at once: what that needs is opened meanwhile. Null for nothing.</param>
    /// <param name="cancellationToken">Gives up starting.</param>
    public static async Task<LocalCluster> StartAsync(
        FuseMixHome home,
        NodeOptions? options = null,
        LogLevel logLevel = LogLevel.Warning,
        bool resumesJobs = true,
        SearchRequest? firstSearch = null,
        CancellationToken cancellationToken = default)
    {
        options ??= NodeOptions.OfThisMachine();
        options.ResumesJobs = resumesJobs;
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        builder.Logging.SetMinimumLevel(logLevel);

        // Orleans warns here of the garbage collector of every client program, and of checks that it takes for late when the first one comes.
        builder.Logging.AddFilter("Orleans.Runtime.Silo", LogLevel.Error).AddFilter("Orleans.Runtime.Watchdog", LogLevel.Error);

        // Work that is not over when it ends is no failure: it is looked for by the next one.
        if (logLevel > LogLevel.Information) builder.Logging.AddFilter("Orleans.Grain", LogLevel.Critical).AddFilter("Orleans.Messaging", LogLevel.Critical);
        builder.Logging.AddStandardError();

        // Any number of these run beside one another.
        builder.UseOrleans(silo => silo.AddFuseMixNode(new NodeConfiguration
        {
            Home = home.Root,
            Node = options,
            Cluster = new ClusteringOptions { SiloPort = 0, AdmitsClients = false },
        }));
        var host = builder.Build();
        var preparation = firstSearch is null ? Task.CompletedTask : host.Services.GetRequiredService<SearchPreparation>().Begin(firstSearch);
        await host.StartAsync(cancellationToken);
        return new LocalCluster(host, preparation);
    }

    /// <summary>Stops it in order: running work is told to stop and keeps what is committed.</summary>
    public async ValueTask DisposeAsync()
    {
        await _preparation;
        await _host.StopAsync();
        _host.Dispose();
    }
}
