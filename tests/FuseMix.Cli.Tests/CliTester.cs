using System.Text.Json;
using FuseMix.Cli.CommandLine;
using FuseMix.Cli.Session;
using Orleans;

namespace FuseMix.Cli.Tests;

/// <summary>Runs command lines without a process: what they write, and how they end.</summary>
internal sealed class CliTester
{
    public Dictionary<string, string> Variables { get; } = [];

    public bool OutIsTerminal { get; init; }

    public bool ErrorIsTerminal { get; init; }

    public int Width { get; init; } = 100;

    public TimeProvider Clock { get; init; } = TimeProvider.System;

    public IGrainFactory? Grains { get; init; }

    public int ClustersStarted { get; private set; }

    public int ClustersStopped { get; private set; }

    public string Home { get; init; } = Path.Combine(Path.GetTempPath(), "fusemix-cli-tests-never-written");

    public CancellationToken Stop { get; init; }

    /// <summary>Whether commands get a cluster of their own in this process, rather than <see cref="Grains"/>.</summary>
    public bool RealCluster { get; init; }

    /// <summary>Gets every line that is written to standard error.</summary>
    public Action<string>? Listener { get; init; }

    /// <summary>Gets every line that is written to standard output.</summary>
    public Action<string>? OutListener { get; init; }

    public async Task<CliResult> Run(params string[] args)
    {
        using var output = new ListenedWriter(OutListener) { NewLine = "\n" };
        using var error = new ListenedWriter(Listener) { NewLine = "\n" };
        var environment = new CliEnvironment
        {
            Out = output,
            Error = error,
            OutIsTerminal = OutIsTerminal,
            ErrorIsTerminal = ErrorIsTerminal,
            Width = Width,
            Clock = Clock,
            Variable = name => Variables.GetValueOrDefault(name),
            StartCluster = (home, verbose, stop) =>
            {
                ClustersStarted++;
                if (RealCluster) return InProcessCluster.StartAsync(home, verbose, stop);
                return Task.FromResult<ICluster>(new FakeCluster(this, Grains ?? throw new InvalidOperationException("This command must not start a cluster.")));
            },
        };
        string[] all = args.Length > 0 && !args.Contains("--home") ? [.. args, "--home", Home] : args;
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

    private sealed class FakeCluster(CliTester tester, IGrainFactory grains) : ICluster
    {
        public IGrainFactory Grains => grains;

        public ValueTask DisposeAsync()
        {
            tester.ClustersStopped++;
            return ValueTask.CompletedTask;
        }
    }
}

/// <summary>How a command line ended.</summary>
internal sealed record CliResult(int Code, string Out, string Error)
{
    /// <summary>The one document on standard output; fails where there is anything else.</summary>
    public JsonElement Json => JsonDocument.Parse(Out).RootElement;
}
