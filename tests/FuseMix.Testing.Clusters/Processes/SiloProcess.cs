using System.Diagnostics;
using FuseMix.Client;

namespace FuseMix.Testing.Clusters;

/// <summary>A real silo: the program <c>fusemix-silo</c> in a process of its own.</summary>
internal sealed class SiloProcess : IAsyncDisposable
{
    private readonly ChildProcess _child;

    private SiloProcess(ChildProcess child, Uri url) => (_child, Url) = (child, url);

    /// <summary>The program.</summary>
    public static string Program => Path.Combine(AppContext.BaseDirectory, "fusemix-silo");

    /// <summary>Its HTTP API.</summary>
    public Uri Url { get; }

    public ChildProcess Process => _child;

    /// <summary>Starts it and waits until it is ready.</summary>
    /// <param name="home">The home folder.</param>
    /// <param name="settings">Further keys, e.g. "Node:Name=left".</param>
    public static async Task<SiloProcess> StartAsync(TestHome home, params string[] settings)
    {
        var child = Start(home, settings);
        try
        {
            var serving = await child.Line(line => line.Contains("serves at http", StringComparison.Ordinal));
            var silo = new SiloProcess(child, new Uri(serving[serving.IndexOf("http", StringComparison.Ordinal)..]));
            await silo.Ready();
            return silo;
        }
        catch
        {
            await child.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts it without waiting for anything.</summary>
    public static ChildProcess Start(TestHome home, params string[] settings)
    {
        string[] usual =
        [
            $"Home={home.Home.Root}", "Node:Threads=1", "Node:ItemsPerShard=8", "Node:BalanceEvery=00:00:01",
            "Cluster:SiloPort=0", "Cluster:GatewayPort=0", "Http:Port=0", "Shutdown:Drain=00:00:00", "Shutdown:Timeout=00:00:30",
        ];
        var given = usual.Concat(settings).Select(setting => setting.Split('=', 2)).GroupBy(pair => pair[0]).Select(
            pairs => $"--FuseMix:{string.Join('=', pairs.Last())}");
        return ChildProcess.Start(Program, given);
    }

    /// <summary>What the readiness probe is told.</summary>
    public async Task<int> Readiness()
    {
        using var http = new HttpClient { Timeout = TimeSpan.FromSeconds(5) };
        try
        {
            using var answer = await http.GetAsync(new Uri(Url, "/health/ready"));
            return (int)answer.StatusCode;
        }
        catch (Exception failure) when (failure is HttpRequestException or OperationCanceledException)
        {
            return 0;
        }
    }

    public Task Ready() => Patience.Until(Readiness, status => status == 200);

    /// <summary>A client that asks this node alone.</summary>
    public HttpFuseMixClient Client() => new(new HttpFuseMixClientOptions { Addresses = [Url], RetryFor = TimeSpan.FromSeconds(30) });

    /// <summary>Tells it to leave, and waits until it has.</summary>
    public async Task<(int Code, TimeSpan Took)> Leave()
    {
        var started = Stopwatch.GetTimestamp();
        _child.Terminate();
        return (await _child.Exited, Stopwatch.GetElapsedTime(started));
    }

    public ValueTask DisposeAsync() => _child.DisposeAsync();
}
