using System.CommandLine;
using System.Diagnostics.CodeAnalysis;
using FuseMix.Cli.CommandLine;
using FuseMix.Cli.Output;
using FuseMix.Contracts.Training;
using FuseMix.Storage;
using Orleans;

namespace FuseMix.Cli.Session;

/// <summary>One run of one command: what was asked, where to write, and the cluster once it is needed.</summary>
internal sealed class CliRun(ParseResult parse, CliEnvironment environment, CancellationToken stop) : IAsyncDisposable
{
    private Task<ICluster>? _cluster;
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

    public T? Get<T>(Option<T> option) => parse.GetValue(option);

    public T Get<T>(Argument<T> argument) => parse.GetValue(argument)!;

    /// <summary>Whether the option stands on the command line, rather than having its default.</summary>
    public bool Has(Option option) => parse.GetResult(option) is { Implicit: false };

    /// <summary>The grains, in a cluster that is started on the first call; for commands that only look.</summary>
    public async Task<IGrainFactory> Grains()
    {
        _cluster ??= environment.StartCluster(Home.EnsureWritable(), Terminal.Verbose, stop);
        return (await _cluster).Grains;
    }

    /// <summary>The grains, for commands that set them to work: a second trainer on the same storage would push the first one out.</summary>
    /// <exception cref="FuseMixException">Another process works in this home folder.</exception>
    public async Task<IGrainFactory> GrainsToWorkWith()
    {
        _ownership ??= FileLock.Acquire(OwnershipFile, $"The home folder '{Home.EnsureWritable().Root}'", TimeSpan.FromSeconds(1), stop);
        return await Grains();
    }

    /// <summary>The trainer.</summary>
    /// <exception cref="FuseMixException">Another process works in this home folder.</exception>
    public async Task<ITrainerGrain> Trainer() => (await GrainsToWorkWith()).GetGrain<ITrainerGrain>(ITrainerGrain.Key);

    /// <summary>Whether this process is, or now becomes, the one that works in the home folder.</summary>
    /// <param name="owner">Who is, otherwise.</param>
    public bool TryOwnHome([NotNullWhen(false)] out string? owner)
    {
        _ = Home.EnsureWritable();
        _ownership ??= FileLock.TryAcquire(OwnershipFile);
        owner = _ownership is null ? FileLock.Owner(OwnershipFile) ?? "another process" : null;
        return owner is null;
    }

    /// <summary>Stops the cluster, if there is one; the next call for grains starts another.</summary>
    public async Task CloseCluster()
    {
        var cluster = Interlocked.Exchange(ref _cluster, null);
        // One that never came up has told its failure to whoever awaited it.
        if (cluster is { IsCompletedSuccessfully: true }) await (await cluster).DisposeAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await CloseCluster();
        _ownership?.Dispose();
    }
}
