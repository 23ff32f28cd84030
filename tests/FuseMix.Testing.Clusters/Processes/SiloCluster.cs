using System.Collections.Concurrent;
using FuseMix.Client;
using FuseMix.Hosting;

namespace FuseMix.Testing.Clusters;

/// <summary>Several silos, each a process, over one home folder.</summary>
internal sealed class SiloCluster(TestHome home, params string[] settings) : IAsyncDisposable
{
    private readonly ConcurrentDictionary<string, SiloProcess> _silos = new();
    private readonly ConcurrentDictionary<string, int> _ports = new();

    public SiloProcess this[string name] => _silos[name];

    public IReadOnlyCollection<SiloProcess> Silos => [.. _silos.Values];

    /// <summary>A client that knows every node.</summary>
    public HttpFuseMixClient Client(CountingHandler? counting = null)
    {
        var options =
            new HttpFuseMixClientOptions { Addresses = [.. _silos.Values.Select(silo => silo.Url)], Timeout = TimeSpan.FromSeconds(10) };
        return counting is null ? new HttpFuseMixClient(options) : new HttpFuseMixClient(
            new HttpClient(counting) { Timeout = Timeout.InfiniteTimeSpan }, options);
    }

    /// <summary>Starts nodes at once and waits until they are ready.</summary>
    /// <param name="nodes">As "gateway+index@left".</param>
    public Task StartAsync(params string[] nodes) => Task.WhenAll(nodes.Select(async node =>
    {
        var (roles, name) = (node.Split('@')[0].Replace('+', ','), node.Split('@')[1]);

        // A node that is started again is where it was: clients know it by its address.
        var port = _ports.GetOrAdd(name, _ => Ports.Free());
        _silos[name] = await SiloProcess.StartAsync(
            home, [$"Node:Name={name}", $"Node:Roles={roles}", $"Http:Port={port}", "Cluster:AdvertisedAddress=127.0.0.1", .. settings]);
    }));

    /// <summary>Waits until every node sees so many active ones.</summary>
    public async Task Sees(int active)
    {
        foreach (var silo in _silos.Values.Where(silo => !silo.Process.Exited.IsCompleted))
        {
            using var client = silo.Client();
            await Patience.Until(() => client.Cluster(), cluster => cluster.Nodes.Count(node => node.State == "Active") == active);
        }
    }

    /// <summary>The node whose log has such a line, the last one where there are several.</summary>
    public string WhoLogged(string words) =>
        _silos.Where(silo => silo.Value.Process.Printed.Contains(words, StringComparison.Ordinal)).Select(silo => silo.Key).Single();

    public async ValueTask DisposeAsync()
    {
        foreach (var silo in _silos.Values) await silo.DisposeAsync();
    }
}
