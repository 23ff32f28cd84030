using System.CommandLine;
using FuseMix.Cli.CommandLine;
using FuseMix.Cli.Output;
using FuseMix.Client;
using FuseMix.Contracts.Search;
using FuseMix.Storage;

namespace FuseMix.Cli.Session;

/// <summary>One run of one command: what was asked, where to write, and the cluster once it is needed.</summary>
internal sealed class CliRun(ParseResult parse, CliEnvironment environment, CancellationToken stop) : IAsyncDisposable
{
    private ICluster? _cluster;
    private bool _works;
    private SearchRequest? _firstSearch;

    public CliEnvironment Environment => environment;

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

    /// <summary>What the user started, without its options.</summary>
    public string Program => HelpPage.PathOf(parse.CommandResult.Command)[2..];

    /// <summary>The other process of this machine whose node answered last; null for a node in this process, or a remote cluster.</summary>
    public string? Host => _cluster?.Host;

    /// <summary>The cluster, for commands that only look.</summary>
    public IFuseMixClient Client => (_cluster ??= environment.Connect(new ClusterChoice(
        Home,
        Addresses,
        parse.GetValue(CommonOptions.ApiKey) ?? environment.Variable(CommonOptions.ApiKeyVariable),
        () => _works,
        Terminal.Verbose)
    {
        Program = Program,
        FirstSearch = () => _firstSearch,
        Note = Terminal.Note,
        Warn = Terminal.Warn,
        Clock = environment.Clock,
    })).Client;

    private IReadOnlyList<Uri> Addresses => field ??= parse.CommandResult.Command is CliCommand { InsteadOfRemote: not null }
        ? []
        : CommonOptions.ReadAddresses(parse.GetValue(CommonOptions.Cluster) ?? environment.Variable(CommonOptions.ClusterVariable));

    public T? Get<T>(Option<T> option) => parse.GetValue(option);

    public T Get<T>(Argument<T> argument) => parse.GetValue(argument)!;

    /// <summary>Whether the option stands on the command line, rather than having its default.</summary>
    public bool Has(Option option) => parse.GetResult(option) is { Implicit: false };

    /// <summary>The values of an option as they stand on the command line; none where it has its default.</summary>
    public IEnumerable<string> Words(Option option) => parse.GetResult(option)?.Tokens.Select(token => token.Value) ?? [];

    /// <summary>The cluster, for commands that set it to work: where that is in this process, it goes on with what it finds
    /// unfinished.</summary>
    public IFuseMixClient ClientToWork()
    {
        _works = true;
        return Client;
    }

    /// <summary>The cluster, for commands that search first of all.</summary>
    public IFuseMixClient ClientToSearch(SearchRequest request)
    {
        _firstSearch = request;
        return Client;
    }

    /// <summary>Stops the cluster, if there is one; the next call for a client starts another.</summary>
    public async Task CloseCluster()
    {
        if (Interlocked.Exchange(ref _cluster, null) is { } cluster) await cluster.DisposeAsync();
    }

    public async ValueTask DisposeAsync() => await CloseCluster();
}
