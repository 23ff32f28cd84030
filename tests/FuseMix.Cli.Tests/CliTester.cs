using System.Text.Json;
using FuseMix.Cli.CommandLine;
using FuseMix.Cli.Session;
using FuseMix.Client;

namespace FuseMix.Cli.Tests;

/// <summary>Runs command lines without a process: what they write, and how they end.</summary>
internal sealed class CliTester
{
    public Dictionary<string, string> Variables { get; init; } = [];

    public bool OutIsTerminal { get; init; }

    public bool ErrorIsTerminal { get; init; }

    public int Width { get; init; } = 100;

    public TimeProvider Clock { get; init; } = TimeProvider.System;

    /// <summary>The cluster of every command; null for one that must not need any.</summary>
    public IFuseMixClient? Client { get; init; }

    /// <summary>The clusters that commands were for, in order.</summary>
    public List<ClusterChoice> Clusters { get; } = [];

    public int ClustersClosed { get; private set; }

    public string Home { get; init; } = Path.Combine(Path.GetTempPath(), "fusemix-cli-tests-never-written");

    public CancellationToken Stop { get; init; }

    /// <summary>Whether commands get the cluster that they are for, in this process or elsewhere, rather than <see cref="Client"/>.</summary>
    public bool RealCluster { get; init; }

    /// <summary>Gets every line that is written to standard error.</summary>
    public Action<string>? Listener { get; init; }

    /// <summary>Gets every line that is written to standard output.</summary>
    public Action<string>? OutListener { get; init; }

    /// <summary>Stands for standard output; null to have it told by <see cref="CliResult.Out"/>.</summary>
    public TextWriter? Out { get; init; }

    /// <summary>Stands for standard error; null to have it told by <see cref="CliResult.Error"/>.</summary>
    public TextWriter? Error { get; init; }

    public async Task<CliResult> Run(params string[] args)
    {
        using var output = new ListenedWriter(OutListener) { NewLine = "\n" };
        using var error = new ListenedWriter(Listener) { NewLine = "\n" };
        var process = CliEnvironment.OfThisProcess();
        var environment = process with
        {
            Out = Out ?? output,
            Error = Error ?? error,
            OutIsTerminal = OutIsTerminal,
            ErrorIsTerminal = ErrorIsTerminal,
            Width = Width,
            Clock = Clock,
            Variable = name => Variables.GetValueOrDefault(name),
            Connect = choice =>
            {
                Clusters.Add(choice);
                return new Watched(this, RealCluster
                    ? process.Connect(choice)
                    : new FakeCluster(Client ?? throw new InvalidOperationException("This command must not need a cluster.")));
            },
        };
        string[] all = args.Length > 0 && !args.Any(word => word.StartsWith("--home", StringComparison.Ordinal)) ? ["--home", Home, .. args] : args;
        var code = await CliApplication.RunAsync(all, environment, Stop);
        return new CliResult(code, output.ToString(), error.ToString());
    }

    private sealed class ListenedWriter(Action<string>? listener) : StringWriter
    {
        public override void WriteLine(string? value)
        {
            base.WriteLine(value);
            listener?.Invoke(value ?? "");
        }
    }

    private sealed class FakeCluster(IFuseMixClient client) : ICluster
    {
        public IFuseMixClient Client => client;

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }

    private sealed class Watched(CliTester tester, ICluster cluster) : ICluster
    {
        public IFuseMixClient Client => cluster.Client;

        public string? Host => cluster.Host;

        public ValueTask DisposeAsync()
        {
            tester.ClustersClosed++;
            return cluster.DisposeAsync();
        }
    }
}

/// <summary>How a command line ended.</summary>
internal sealed record CliResult(int Code, string Out, string Error)
{
    /// <summary>The one document on standard output; fails where there is anything else.</summary>
    public JsonElement Json => JsonDocument.Parse(Out).RootElement;
}
