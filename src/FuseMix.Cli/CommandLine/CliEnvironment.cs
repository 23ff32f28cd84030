using FuseMix.Cli.Session;

namespace FuseMix.Cli.CommandLine;

/// <summary>All that the command line takes from the machine around it, so that tests can stand in for it.</summary>
internal sealed record CliEnvironment
{
    public required TextWriter Out { get; init; }

    public required TextWriter Error { get; init; }

    /// <summary>Whether standard output is a terminal, which decides about colour and pictures.</summary>
    public bool OutIsTerminal { get; init; }

    /// <summary>Whether standard error is a terminal, which decides between bars and plain lines.</summary>
    public bool ErrorIsTerminal { get; init; }

    /// <summary>Columns of the terminal.</summary>
    public int Width { get; init; } = 120;

    /// <summary>Lines of the terminal.</summary>
    public int Height { get; init; } = 40;

    public Func<string, string?> Variable { get; init; } = static _ => null;

    public TimeProvider Clock { get; init; } = TimeProvider.System;

    /// <summary>Gives the cluster that a command is for.</summary>
    public required Func<ClusterChoice, ICluster> Connect { get; init; }

    public bool WantsColour(bool isTerminal) =>
        isTerminal && string.IsNullOrEmpty(Variable("NO_COLOR")) && Variable("TERM") is not "dumb";

    /// <summary>Whether pictures can be drawn: that takes 24-bit colour.</summary>
    public bool ShowsPictures => WantsColour(OutIsTerminal)
        && (Variable("COLORTERM") is "truecolor" or "24bit" || Variable("TERM")?.EndsWith("-direct", StringComparison.Ordinal) == true);

    public static CliEnvironment OfThisProcess() => new()
    {
        Out = Console.Out,
        Error = Console.Error,
        OutIsTerminal = !Console.IsOutputRedirected,
        ErrorIsTerminal = !Console.IsErrorRedirected,
        Width = TerminalSize(() => Console.WindowWidth, 120, 80),
        Height = TerminalSize(() => Console.WindowHeight, 40, 24),
        Variable = Environment.GetEnvironmentVariable,
        Connect = static choice => choice.Addresses.Count == 0 ? new HomeCluster(choice) : new RemoteCluster(choice),
    };

    private static int TerminalSize(Func<int> size, int withoutTerminal, int unknown)
    {
        if (Console.IsOutputRedirected && Console.IsErrorRedirected) return withoutTerminal;
        try
        {
            return size() is > 0 and var told ? told : unknown;
        }
        catch (IOException)
        {
            return unknown;
        }
    }
}
