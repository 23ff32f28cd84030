using FuseMix.Client;
using FuseMix.Contracts.Search;
using FuseMix.Storage;

namespace FuseMix.Cli.Session;

/// <summary>A cluster to work with, until disposed.</summary>
internal interface ICluster : IAsyncDisposable
{
    IFuseMixClient Client { get; }

    /// <summary>The other process of this machine whose node answered last; null where that was none.</summary>
    string? Host => null;
}

/// <summary>Which cluster a command is for.</summary>
/// <param name="Home">The home folder on this machine.</param>
/// <param name="Addresses">Where a remote cluster is; empty for the cluster of the home folder.</param>
/// <param name="ApiKey">The key for it; null for none.</param>
/// <param name="Works">Whether this process goes on with what it finds unfinished in the home folder.</param>
/// <param name="Verbose">Whether a cluster in this process writes its log.</param>
internal sealed record ClusterChoice(FuseMixHome Home, IReadOnlyList<Uri> Addresses, string? ApiKey, Func<bool> Works, bool Verbose)
{
    /// <summary>What the user started, by which other processes know a cluster in this one.</summary>
    public string Program { get; init; } = "fusemix";

    /// <summary>What the command searches for at once, which a node in this process prepares for while it starts; null for
    /// nothing.</summary>
    public Func<SearchRequest?> FirstSearch { get; init; } = static () => null;

    /// <summary>Tells what is going on.</summary>
    public Action<string> Note { get; init; } = static _ => { };

    /// <summary>Tells what the user should know whatever else is shown.</summary>
    public Action<string> Warn { get; init; } = static _ => { };

    public TimeProvider Clock { get; init; } = TimeProvider.System;

    /// <summary>Printing a choice must not give the key away.</summary>
    public override string ToString() => Addresses.Count == 0 ? Home.Root : string.Join(", ", Addresses);
}

/// <summary>A cluster elsewhere.</summary>
internal sealed class RemoteCluster(ClusterChoice choice) : ICluster
{
    private readonly NodeConnection _connection = new(new HttpFuseMixClientOptions
    {
        Addresses = choice.Addresses,
        ApiKey = choice.ApiKey,

        // Somebody sits there and waits.
        RetryFor = TimeSpan.FromSeconds(10),
    });

    public IFuseMixClient Client => _connection.Client;

    public ValueTask DisposeAsync()
    {
        _connection.Dispose();
        return ValueTask.CompletedTask;
    }
}
