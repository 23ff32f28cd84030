using System.CommandLine;
using System.Diagnostics.CodeAnalysis;
using FuseMix.Cli.CommandLine;
using FuseMix.Cli.Output;
using FuseMix.Client;
using FuseMix.Storage;

namespace FuseMix.Cli.Session;

/// <summary>One run of one command: what was asked, where to write, and the cluster once it is needed.</summary>
internal sealed class CliRun(ParseResult parse, CliEnvironment environment, CancellationToken stop) : IAsyncDisposable
{
    private ICluster? _cluster;
    private FileLock? _ownership;

    public CliEnvironment Environment => environment;

    private string OwnershipFile => Path.Combine(Home.State, "node.lock");

    public Terminal Terminal { get; } = new(
        environment,
        json: parse.GetValue(CommonOptions.Json),
        quiet: parse.GetValue(CommonOptions.Quiet),
        verbose: parse.GetValue(CommonOptions.Verbose));

    /// <summary>Cancelled by the first Ctrl-C.</summary>
    public CancellationToken Stop => stop;

    public FuseMixHome Home => field ??= FuseMixHome.Resolve(parse.GetValue(CommonOptions.Home));

    /// <summary>Whether the cluster is elsewhere: nothing of it lies in <see cref="Home"/>.</summary>
    public bool IsRemote => Addresses.Count > 0;

    /// <summary>The cluster, for commands that only look.</summary>
    public IFuseMixClient Client => (_cluster ??= environment.Connect(new ClusterChoice(
        Home, Addresses, parse.GetValue(CommonOptions.ApiKey) ?? environment.Variable(CommonOptions.ApiKeyVariable), () => _ownership is not null, Terminal.Verbose))).Client;

    private IReadOnlyList<Uri> Addresses => field ??= parse.CommandResult.Command is CliCommand { InsteadOfRemote: not null }
        ? []
        : CommonOptions.ReadAddresses(parse.GetValue(CommonOptions.Cluster) ?? environment.Variable(CommonOptions.ClusterVariable));

    public T? Get<T>(Option<T> option) => parse.GetValue(option);

    public T Get<T>(Argument<T> argument) => parse.GetValue(argument)!;

    /// <summary>Whether the option stands on the command line, rather than having its default.</summary>
    public bool Has(Option option) => parse.GetResult(option) is { Implicit: false };

    /// <summary>The values of an option as they stand on the command line; none where it has its default.</summary>
    public IEnumerable<string> Words(Option option) => parse.GetResult(option)?.Tokens.Select(token => token.Value) ?? [];

    /// <summary>The cluster, for commands that set it to work: a second trainer on the same storage would push the first one out.</summary>
    /// <exception cref="FuseMixException">Another process works in this home folder.</exception>
    public IFuseMixClient ClientToWork()
    {
        if (!IsRemote) _ownership ??= FileLock.Acquire(OwnershipFile, $"The home folder '{Home.EnsureWritable().Root}'", TimeSpan.FromSeconds(1), stop);
        return Client;
    }

    /// <summary>Whether this process is, or now becomes, the one that works in the home folder; a remote cluster sees to that itself.</summary>
    /// <param name="owner">Who is, otherwise.</param>
    public bool TryOwnHome([NotNullWhen(false)] out string? owner)
    {
        owner = null;
        if (IsRemote) return true;
        _ = Home.EnsureWritable();
        _ownership ??= FileLock.TryAcquire(OwnershipFile);
        owner = _ownership is null ? FileLock.Owner(OwnershipFile) ?? "another process" : null;
        return owner is null;
    }

    /// <summary>Stops the cluster, if there is one; the next call for a client starts another.</summary>
    public async Task CloseCluster()
    {
        if (Interlocked.Exchange(ref _cluster, null) is { } cluster) await cluster.DisposeAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await CloseCluster();
        _ownership?.Dispose();
    }
}
