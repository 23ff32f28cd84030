using System.CommandLine;
using FuseMix.Cli.Session;

namespace FuseMix.Cli.CommandLine;

/// <summary>A line to copy, and what it does.</summary>
internal sealed record Example(string CommandLine, string Meaning);

/// <summary>A command with the examples of its help page and the work that it does.</summary>
/// <remarks>The work is called by <see cref="CliApplication"/> rather than by the parser's own pipeline, which would catch, print and time
/// out on its own terms.</remarks>
internal sealed class CliCommand(string name, string description) : Command(name, description)
{
    public List<Example> Examples { get; } = [];

    public Func<CliRun, Task<int>>? Work { get; private set; }

    /// <summary>What to do instead where the command makes no sense for a remote cluster; null where it does.</summary>
    public string? InsteadOfRemote { get; private set; }

    public CliCommand Does(Func<CliRun, Task<int>> work)
    {
        Work = work;
        return this;
    }

    public CliCommand Does(Func<CliRun, Task> work) => Does(async run =>
    {
        await work(run);
        return ExitCode.Success;
    });

    public CliCommand Does(Action<CliRun> work) => Does(run =>
    {
        work(run);
        return Task.FromResult(ExitCode.Success);
    });

    /// <summary>Says that the command is about this machine.</summary>
    /// <param name="instead">What to do where somebody names a remote cluster.</param>
    public CliCommand OnThisMachine(string instead)
    {
        InsteadOfRemote = instead;
        return this;
    }

    public CliCommand WithExample(string commandLine, string meaning)
    {
        Examples.Add(new Example(commandLine, meaning));
        return this;
    }

    public CliCommand With(params Symbol[] symbols)
    {
        foreach (var symbol in symbols)
        {
            switch (symbol)
            {
                case Argument argument: Add(argument); break;
                case Option option: Add(option); break;
                case Command command: Add(command); break;
                default: throw new ArgumentException($"{symbol.GetType().Name} cannot be part of a command.", nameof(symbols));
            }
        }

        return this;
    }
}
