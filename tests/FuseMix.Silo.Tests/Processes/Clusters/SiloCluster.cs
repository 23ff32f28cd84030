using System.Collections.Concurrent;
using System.Diagnostics;
using FuseMix.Client;
using FuseMix.Contracts.Search;
using FuseMix.Grains.Tests.Clusters;

namespace FuseMix.Silo.Tests.Processes.Clusters;

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
        var options = new HttpFuseMixClientOptions { Addresses = [.. _silos.Values.Select(silo => silo.Url)], Timeout = TimeSpan.FromSeconds(10) };
        return counting is null ? new HttpFuseMixClient(options) : new HttpFuseMixClient(new HttpClient(counting) { Timeout = Timeout.InfiniteTimeSpan }, options);
    }

    /// <summary>Starts nodes at once and waits until they are ready.</summary>
    /// <param name="nodes">As "gateway+index@left".</param>
    public Task StartAsync(params string[] nodes) => Task.WhenAll(nodes.Select(async node =>
    {
        var (roles, name) = (node.Split('@')[0].Replace('+', ','), node.Split('@')[1]);

        // A node that is started again is where it was: clients know it by its address.
        var port = _ports.GetOrAdd(name, _ => Ports.Free());
        _silos[name] = await SiloProcess.StartAsync(home, [$"Node:Name={name}", $"Node:Roles={roles}", $"Http:Port={port}", "Cluster:AdvertisedAddress=127.0.0.1", .. settings]);
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
    public string WhoLogged(string words) => _silos.Where(silo => silo.Value.Process.Printed.Contains(words, StringComparison.Ordinal)).Select(silo => silo.Key).Single();

    public async ValueTask DisposeAsync()
    {
        foreach (var silo in _silos.Values) await silo.DisposeAsync();
    }
}

/// <summary>Counts what a client had to try again.</summary>
internal sealed class CountingHandler() : DelegatingHandler(new SocketsHttpHandler())
{
    private int _failed;

    /// <summary>Attempts that were not answered, or refused.</summary>
    public int Failed => Volatile.Read(ref _failed);

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        try
        {
            var response = await base.SendAsync(request, cancellationToken);
            if (!response.IsSuccessStatusCode) Interlocked.Increment(ref _failed);
            return response;
        }
        catch
        {
            Interlocked.Increment(ref _failed);
            throw;
        }
    }
}

/// <summary>Searches, one after another, until told to end.</summary>
internal sealed class Searching : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentQueue<(long At, TimeSpan Took, SearchResponse Answer)> _answers = [];
    private readonly ConcurrentQueue<string> _failures = [];
    private readonly CountingHandler _attempts = new();
    private readonly HttpFuseMixClient _client;
    private readonly Task _loop;

    public Searching(SiloCluster cluster)
    {
        _client = cluster.Client(_attempts);
        _loop = Task.Run(Loop);
    }

    /// <summary>Searches that failed though they were tried again.</summary>
    public IReadOnlyCollection<string> Failures => _failures;

    /// <summary>Single attempts that failed.</summary>
    public int FailedAttempts => _attempts.Failed;

    public int Answered => _answers.Count;

    /// <summary>Answers that lacked a shard.</summary>
    public int Incomplete => _answers.Count(answer => !answer.Answer.Complete);

    /// <summary>The longest that one search took, its attempts and pauses in all.</summary>
    public TimeSpan Longest => _answers.Max(answer => answer.Took);

    /// <summary>Every different answer.</summary>
    public IReadOnlyCollection<string> Kinds => [.. _answers.Where(answer => answer.Answer.Complete).Select(answer => string.Join(' ', answer.Answer.Results[0].Select(hit => hit.Id))).Distinct()];

    /// <summary>Waits for so many more answers.</summary>
    public Task More(int count)
    {
        var before = Answered + _failures.Count;
        return Patience.Until(() => Task.FromResult(Answered + _failures.Count), now => now >= before + count || _loop.IsCompleted);
    }

    public async Task End()
    {
        await _stop.CancelAsync();
        await _loop;
    }

    public async ValueTask DisposeAsync()
    {
        await End();
        _client.Dispose();
        _stop.Dispose();
    }

    private async Task Loop()
    {
        while (!_stop.IsCancellationRequested)
        {
            var started = Stopwatch.GetTimestamp();
            try
            {
                var answer = await _client.Search(Work.Search("red boats"));
                _answers.Enqueue((started, Stopwatch.GetElapsedTime(started), answer));
            }
            catch (Exception failure)
            {
                _failures.Enqueue(failure.ToString());
            }
        }
    }
}
