using System.CommandLine;
using System.CommandLine.Help;
using FuseMix.Cli.Output;

namespace FuseMix.Cli.CommandLine;

/// <summary>The help of one command: what it does, how it is written, and lines to copy.</summary>
internal static class HelpPage
{
    public static void Write(Command command, TextWriter writer, Style style, int width)
    {
        width = Math.Clamp(width, 60, 110);
        writer.WriteLine(string.Join('\n', Phrases.Wrap(command.Description ?? "", width)));
        writer.WriteLine();
        Heading("Usage");
        foreach (var usage in Usages(command)) writer.WriteLine($"  {usage}");

        Section("Commands", command.Subcommands.Where(c => !c.Hidden).Select(c => (c.Name, c.Description ?? "")));
        Section("Arguments", command.Arguments.Where(a => !a.Hidden).Select(a => (a.HelpName ?? a.Name, a.Description ?? "")));
        Section("Options", Own(command).Select(o => (Label(o), Describe(o))));
        Section("Common options", Common(command).Select(o => (Label(o), Describe(o))));

        if (command is CliCommand { Examples: { Count: > 0 } examples })
        {
            writer.WriteLine();
            Heading("Examples");
            foreach (var example in examples)
            {
                writer.WriteLine($"  {style.Cyan(example.CommandLine)}");
                writer.WriteLine($"      {style.Dim(example.Meaning)}");
            }
        }

        writer.WriteLine();
        Heading("Exit codes");
        writer.WriteLine("  0 done   1 failed   2 wrong usage   130 stopped by Ctrl-C");

        void Heading(string text) => writer.WriteLine(style.Bold(text));

        void Section(string title, IEnumerable<(string Label, string Text)> rows)
        {
            var all = rows.ToArray();
            if (all.Length == 0) return;
            writer.WriteLine();
            Heading(title);
            var column = Math.Min(34, all.Max(r => r.Label.Length)) + 4;
            foreach (var (label, text) in all)
            {
                var lines = Phrases.Wrap(text, width - column).ToArray();
                var first = $"  {label}";
                if (first.Length >= column)
                {
                    writer.WriteLine(first);
                    first = "";
                }

                writer.WriteLine($"{first.PadRight(column)}{lines.FirstOrDefault()}".TrimEnd());
                foreach (var line in lines.Skip(1)) writer.WriteLine(new string(' ', column) + line);
            }
        }
    }

    /// <summary>The words that lead to a command, e.g. "./fusemix encoders list".</summary>
    public static string PathOf(Command command) =>
        command.Parents.OfType<Command>().FirstOrDefault() is { } parent ? $"{PathOf(parent)} {command.Name}" : "./fusemix";

    private static IEnumerable<string> Usages(Command command)
    {
        var path = PathOf(command);
        var tail = string.Concat(command.Arguments.Where(a => !a.Hidden).Select(a => ' ' + Placeholder(a)));
        if (command.Subcommands.Count > 0) yield return $"{path} <command> [options]";
        if (command.Subcommands.Count == 0) yield return $"{path}{tail} [options]";
    }

    private static string Placeholder(Argument argument)
    {
        var name = argument.HelpName ?? argument.Name;
        var many = argument.Arity.MaximumNumberOfValues > 1 ? "…" : "";
        return argument.Arity.MinimumNumberOfValues == 0 ? $"[<{name}>{many}]" : $"<{name}>{many}";
    }

    private static IEnumerable<Option> Own(Command command) =>
        command.Options.Where(o => !o.Hidden && !o.Recursive && o is not (HelpOption or VersionOption));

    private static IEnumerable<Option> Common(Command command)
    {
        var isOfThisMachine = IsOfThisMachine(command);
        for (Command? c = command; c is not null; c = c.Parents.OfType<Command>().FirstOrDefault())
        {
            foreach (var option in c.Options.Where(o => !o.Hidden && !(isOfThisMachine && o == CommonOptions.Cluster) && (o.Recursive || o is HelpOption || (o is VersionOption && c == command))))
                yield return option;
        }
    }

    /// <summary>Whether no cluster elsewhere can be named, for the command or for any of its own.</summary>
    private static bool IsOfThisMachine(Command command) =>
        command.Subcommands.Count > 0 ? command.Subcommands.All(IsOfThisMachine) : command is CliCommand { InsteadOfRemote: not null };

    /// <summary>An option as it is written, e.g. "-k, --top &lt;n&gt;".</summary>
    public static string Label(Option option)
    {
        // The short forms of a Windows shell ("-?", "/h") would only be noise here.
        var names = new[] { option.Name }.Concat(option.Aliases.Where(a => a.StartsWith('-') && a is not "-?")).Distinct().OrderBy(n => n.Length);
        var value = option.ValueType == typeof(bool) || option is HelpOption or VersionOption ? "" : $" <{option.HelpName ?? option.Name.TrimStart('-')}>";
        return string.Join(", ", names) + value;
    }

    private static string Describe(Option option) => option switch
    {
        HelpOption => "Show this help",
        VersionOption => "Show the version",
        _ => option.Description ?? "",
    };
}
