using FuseMix.Client;
using FuseMix.Grains.Home;
using FuseMix.Hosting;

namespace FuseMix.Cli.Session;

/// <summary>
/// The cluster of a home folder: the node that another process runs there, else one in this process. It is found, or started, by the first
/// call that needs it, since what only reads or writes files does not; and anew where a node that was found ends before this command.
/// </summary>
internal sealed class HomeCluster : ICluster
{
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(50);

    /// <summary>How long a process that has the home may start its node, or end it, before that is told.</summary>
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(2);

    /// <summary>How long it may take for it.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly ClusterChoice _choice;
    private readonly SemaphoreSlim _connecting = new(1);
    private (NodeAnnouncement Node, NodeConnection Connection)? _found;
    private OwnNode? _own;

    public HomeCluster(ClusterChoice choice)
    {
        _choice = choice;
        Client = new HomeClient(this, HomeFiles.Of(choice.Home.EnsureWritable()), choice.Clock);
    }

    public IFuseMixClient Client { get; }

    public string? Host => _found?.Node.Process;

    /// <summary>The node that was found last, where it is still there; null where it has ended, or this process has its own.</summary>
    public NodeAnnouncement? Found => _found?.Node is { } node && NodeAnnouncement.Read(_choice.Home) == node ? node : null;

    /// <summary>The node as it is now.</summary>
    /// <exception cref="FuseMixException">Another process has the home folder, but serves nobody there.</exception>
    public async Task<IFuseMixClient> Connect(CancellationToken cancellationToken)
    {
        await _connecting.WaitAsync(cancellationToken);
        try
        {
            if (_own is not null) return _own.Client;
            if (Found is not null) return _found!.Value.Connection.Client;
            if (_found is { } gone)
            {
                _choice.Note($"The node of {gone.Node.Process} has ended; going on without it.");
                gone.Connection.Dispose();
                _found = null;
            }

            return await FindOrStart(cancellationToken);
        }
        finally
        {
            _connecting.Release();
        }
    }

    public async ValueTask DisposeAsync()
    {
        _found?.Connection.Dispose();
        if (_own is not null) await _own.DisposeAsync();
        _connecting.Dispose();
    }

    private async Task<IFuseMixClient> FindOrStart(CancellationToken cancellationToken)
    {
        var (started, told) = (_choice.Clock.GetTimestamp(), false);
        while (true)
        {
            if (NodeAnnouncement.Read(_choice.Home) is { } node) return Join(node).Client;

            // Of two who start at once, this lets one pass; the other one finds the node of the first.
            if (HomeOwnership.TryTake(_choice.Home) is { } ownership)
            {
                _own = await OwnNode.StartAsync(_choice, ownership, cancellationToken);
                return _own.Client;
            }

            HomeOwnership.AskForAnnouncement(_choice.Home);
            var waited = _choice.Clock.GetElapsedTime(started);
            if (waited > Patience) throw HomeOwnership.InUse(_choice.Home);
            if (waited > Silence && !told)
            {
                _choice.Note($"Waiting for {HomeOwnership.OwnerOf(_choice.Home)}, which starts or ends the node of the home folder.");
                told = true;
            }

            await Task.Delay(Poll, _choice.Clock, cancellationToken);
        }
    }

    private NodeConnection Join(NodeAnnouncement node)
    {
        if (node.Version != NodeAnnouncement.ThisVersion)
        {
            _choice.Warn(
                $"the node of this home folder, {node.Process}, is of version {node.Version}, this command of "
                    + $"{NodeAnnouncement.ThisVersion}. Start it anew where something goes wrong.");
        }

        var connection = new NodeConnection(new HttpFuseMixClientOptions
        {
            Addresses = [node.Url],
            ApiKey = node.Key ?? _choice.ApiKey,

            // Whoever is gone is not asked again, but looked for.
            RetryFor = TimeSpan.Zero,
            RewatchFor = TimeSpan.Zero,
        });
        _found = (node, connection);
        return connection;
    }
}
