using System.CommandLine;
using System.CommandLine.Completions;
using System.CommandLine.Help;
using System.Reflection;
using FuseMix.Cli.Output;
using FuseMix.Cli.Session;
using FuseMix.Hosting;

namespace FuseMix.Cli.CommandLine;

/// <summary>Reads a command line, runs its command, and turns every way in which that can end into words and an exit code.</summary>
internal static class CliApplication
{
    public static async Task<int> RunAsync(IReadOnlyList<string> args, CliEnvironment environment, CancellationToken stop)
    {
        environment = environment with { Out = StandardStreams.Results(environment.Out), Error = StandardStreams.Remarks(environment.Error) };
        var root = CommandTree.Build();
        var parse = CommandTree.Parse(root, args);
        await using var run = new CliRun(parse, environment, stop);
        try
        {
            return await Run(root, parse, args.Count == 0, run);
        }
        catch (Exception error)
        {
            return FailureReport.Write(run.Terminal, environment, error, stop);
        }
    }

    private static async Task<int> Run(RootCommand root, ParseResult parse, bool isEmpty, CliRun run)
    {
        var environment = run.Environment;
        var command = parse.CommandResult.Command;
        var outStyle = new Style(environment.WantsColour(environment.OutIsTerminal));

        if (root.Directives.OfType<SuggestDirective>().Any(directive => parse.GetResult(directive) is not null))
            return parse.Invoke(new InvocationConfiguration { Output = environment.Out, Error = environment.Error });
        if (isEmpty || Asked<HelpOption>(root, parse))
        {
            HelpPage.Write(command, environment.Out, outStyle, environment.Width);
            return ExitCode.Success;
        }

        if (Asked<VersionOption>(root, parse))
        {
            environment.Out.WriteLine($"{Product} {Version}");
            return ExitCode.Success;
        }

        if (UsageErrors.Of(parse) is { } usage && !(command is CliCommand { Work: null } && parse.UnmatchedTokens.Count == 0))
            throw usage;

        if (command is not CliCommand { Work: { } work } known)
        {
            HelpPage.Write(command, environment.Error, run.Terminal.Error, environment.Width);
            return ExitCode.Usage;
        }

        if (known.InsteadOfRemote is { } instead)
        {
            if (run.Has(CommonOptions.Cluster))
            {
                throw new FuseMixException(FailureKind.Invalid, $"'{HelpPage.PathOf(command)}' works on this machine, not on a remote cluster.", instead);
            }

            if (environment.Variable(CommonOptions.ClusterVariable) is { Length: > 0 })
                run.Terminal.Note($"'{HelpPage.PathOf(command)}' works on this machine; {CommonOptions.ClusterVariable} does not matter to it.");
        }

        return await work(run);
    }

    private const string Product = "fusemix";

    public static string Version { get; } =
        typeof(CliApplication).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "unknown";

    private static bool Asked<T>(RootCommand root, ParseResult parse)
        where T : Option => root.Options.OfType<T>().Any(option => parse.GetResult(option) is { Implicit: false });
}
