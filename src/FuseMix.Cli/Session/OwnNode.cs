using FuseMix.Client;
using FuseMix.Grains.Home;
using FuseMix.Hosting;
using FuseMix.Silo;
using FuseMix.Silo.Security;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Logging;

namespace FuseMix.Cli.Session;

/// <summary>The node of a home folder in this process, as long as the command runs. Other commands come in by HTTP meanwhile: it opens for
/// the first one that asks, since opening costs as much as a search does.</summary>
internal sealed class OwnNode : IAsyncDisposable
{
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(50);

    private readonly HomeOwnership _ownership;
    private readonly LocalCluster _cluster;
    private readonly Lock _opening = new();
    private WebApplication? _face;
    private bool _hasEnded;

    private OwnNode(ClusterChoice choice, HomeOwnership ownership, LocalCluster cluster)
    {
        (_ownership, _cluster) = (ownership, cluster);
        Client = new GrainFuseMixClient(cluster.Grains, HomeFiles.Of(choice.Home));
        _ = Open(choice);
    }

    public IFuseMixClient Client { get; }

    /// <param name="choice">The home folder, and what the node is for.</param>
    /// <param name="ownership">That the home folder is this process's; it ends with the node, or with the failure to start it.</param>
    /// <param name="cancellationToken">Gives up starting.</param>
    public static async Task<OwnNode> StartAsync(ClusterChoice choice, HomeOwnership ownership, CancellationToken cancellationToken)
    {
        try
        {
            return new OwnNode(choice, ownership, await LocalCluster.StartAsync(
                choice.Home, options: null, choice.Verbose ? LogLevel.Information : LogLevel.Error, choice.Works(), choice.FirstSearch(),
                cancellationToken));
        }
        catch
        {
            ownership.Dispose();
            throw;
        }
    }

    /// <summary>Sends the others away, then ends the work in order.</summary>
    public async ValueTask DisposeAsync()
    {
        try
        {
            lock (_opening)
            {
                // A face that is not open yet never will be, and nobody waits for it.
                _hasEnded = true;
                _ownership.Withdraw();
            }

            if (_face is { } face)
            {
                await face.StopAsync(CancellationToken.None);
                await face.DisposeAsync();
            }

            await _cluster.DisposeAsync();
        }
        finally
        {
            _ownership.Dispose();
        }
    }

    private async Task Open(ClusterChoice choice)
    {
        try
        {
            while (!_ownership.IsWanted)
            {
                await Task.Delay(Poll);
                if (_hasEnded) return;
            }

            var key = ApiKey.Create();
            var face = SiloHost.BuildFace(_cluster.Grains, choice.Home, key);
            await face.StartAsync();
            lock (_opening)
            {
                if (!_hasEnded)
                {
                    _ownership.Announce(new Uri(face.Urls.First()), choice.Program, key);
                    _face = face;
                    return;
                }
            }

            await face.DisposeAsync();
        }
        catch (Exception failure) when (!_hasEnded)
        {
            choice.Warn($"other commands cannot use the home folder until this one ends: {failure.Message}");
        }
    }
}
