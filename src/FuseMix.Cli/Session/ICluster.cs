using FuseMix.Client;
using FuseMix.Grains.Nodes;
using FuseMix.Hosting;
using FuseMix.Storage;
using Microsoft.Extensions.Logging;
using Orleans;

namespace FuseMix.Cli.Session;

/// <summary>A cluster to work with, until disposed.</summary>
internal interface ICluster : IAsyncDisposable
{
    IFuseMixClient Client { get; }
}

/// <summary>Which cluster a command is for.</summary>
/// <param name="Home">The home folder on this machine.</param>
/// <param name="Addresses">Where a remote cluster is; empty for a cluster in this process.</param>
/// <param name="ApiKey">The key for a remote cluster; null for none.</param>
/// <param name="Works">Whether this process works in the home folder, and so goes on with what it finds unfinished there.</param>
/// <param name="Verbose">Whether a cluster in this process writes its log.</param>
internal sealed record ClusterChoice(FuseMixHome Home, IReadOnlyList<Uri> Addresses, string? ApiKey, Func<bool> Works, bool Verbose)
{
    /// <summary>Printing a choice must not give the key away.</summary>
    public override string ToString() => Addresses.Count == 0 ? Home.Root : string.Join(", ", Addresses);
}

/// <summary>A whole cluster in this process. It starts with the first call that needs it: what only reads or writes files does not.</summary>
internal sealed class InProcessCluster : ICluster
{
    private readonly ClusterChoice _choice;
    private readonly SemaphoreSlim _starting = new(1);
    private LocalCluster? _cluster;

    public InProcessCluster(ClusterChoice choice)
    {
        _choice = choice;
        Client = new GrainFuseMixClient(Grains, HomeFiles.Of(choice.Home.EnsureWritable()));
    }

    public IFuseMixClient Client { get; }

    public async ValueTask DisposeAsync()
    {
        if (_cluster is not null) await _cluster.DisposeAsync();
        _starting.Dispose();
    }

    private async Task<IGrainFactory> Grains(CancellationToken cancellationToken)
    {
        await _starting.WaitAsync(cancellationToken);
        try
        {
            _cluster ??= await LocalCluster.StartAsync(
                _choice.Home, options: null, _choice.Verbose ? LogLevel.Information : LogLevel.Error, _choice.Works(), cancellationToken);
            return _cluster.Grains;
        }
        finally
        {
            _starting.Release();
        }
    }
}

/// <summary>A cluster elsewhere.</summary>
internal sealed class RemoteCluster(ClusterChoice choice) : ICluster
{
    private readonly HttpFuseMixClient _client = new(new HttpFuseMixClientOptions
    {
        Addresses = choice.Addresses,
        ApiKey = choice.ApiKey,

        // Somebody sits there and waits.
        RetryFor = TimeSpan.FromSeconds(10),
    });

    public IFuseMixClient Client => _client;

    public ValueTask DisposeAsync()
    {
        _client.Dispose();
        return ValueTask.CompletedTask;
    }
}
