using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;

namespace FuseMix.Cli.CommandLine;

/// <summary>What is wrong with a command line, in one sentence that names the nearest valid word.</summary>
internal static class UsageErrors
{
    /// <summary>The first thing that is wrong, or null.</summary>
    public static FuseMixException? Of(ParseResult parse)
    {
        var command = parse.CommandResult.Command;
        if (UnknownToken(parse) is { } token) return IsText(parse, token) ? AfterDashes(command, token) : Unknown(command, token);
        if (parse.Errors.Count == 0) return null;

        var error = parse.Errors[0];
        var message = error.SymbolResult switch
        {
            OptionResult option when error.Message.StartsWith("Cannot parse", StringComparison.Ordinal) => Unreadable(option),
            OptionResult { IdentifierToken: null } option => Invalid($"'{HelpPage.PathOf(command)}' needs {HelpPage.Label(option.Option)}."),
            OptionResult { Tokens.Count: 0 } option => Invalid($"{option.Option.Name} needs a value."),
            ArgumentResult { Tokens.Count: 0 } argument => Missing(argument),
            CommandResult when parse.CommandResult.Children.OfType<ArgumentResult>().FirstOrDefault(a => a.Tokens.Count == 0 && a.Argument.Arity.MinimumNumberOfValues > 0) is { } argument => Missing(argument),
            _ => Invalid(error.Message),
        };
        return message;

        FuseMixException Missing(ArgumentResult argument) => Invalid($"'{HelpPage.PathOf(command)}' needs a <{argument.Argument.HelpName ?? argument.Argument.Name}>.");

        FuseMixException Invalid(string text) =>
            new(FailureKind.Invalid, text, $"'{HelpPage.PathOf(command)} --help' shows how it is written.");
    }

    /// <summary>A word that nothing takes. The parser gives a misspelt option to an argument if there is one, which must not happen in silence.</summary>
    private static string? UnknownToken(ParseResult parse)
    {
        if (parse.UnmatchedTokens.FirstOrDefault() is { } unmatched) return unmatched;
        var literalFrom = parse.Tokens.TakeWhile(t => t.Type != TokenType.DoubleDash).ToHashSet();
        return parse.CommandResult.Children.OfType<ArgumentResult>()
            .SelectMany(a => a.Tokens)
            .Where(t => literalFrom.Contains(t) && LooksLikeOption(t.Value))
            .Select(t => t.Value)
            .FirstOrDefault();
    }

    /// <summary>No number and no words: no option has a space in its name.</summary>
    private static bool LooksLikeOption(string token) =>
        token.Length > 1 && token[0] == '-' && !double.TryParse(token, NumberStyles.Float, CultureInfo.InvariantCulture, out _)
        && !token.Split('=')[0].Any(char.IsWhiteSpace);

    /// <summary>Whether an option is meant where none is read: after '--'.</summary>
    private static bool IsText(ParseResult parse, string token) =>
        LooksLikeOption(token) && !parse.Tokens.TakeWhile(t => t.Type != TokenType.DoubleDash).Any(t => t.Value == token);

    private static FuseMixException AfterDashes(Command command, string token) => new(
        FailureKind.Invalid, $"'{HelpPage.PathOf(command)}' takes '{token.Split('=')[0]}' as text, since it stands after '--'.", "Write options before '--'.");

    private static FuseMixException Unknown(Command command, string token)
    {
        var path = HelpPage.PathOf(command);
        var help = $"'{path} --help' lists what there is.";
        if (LooksLikeOption(token))
        {
            var name = token.Split('=')[0];
            var nearest = NearestName.Of(name, Options(command));
            return new FuseMixException(FailureKind.Invalid, $"'{path}' has no option '{name}'.", nearest is null ? help : $"Did you mean '{nearest}'?");
        }

        if (command.Subcommands.Count > 0)
        {
            var nearest = NearestName.Of(token, command.Subcommands.Select(c => c.Name));
            return new FuseMixException(FailureKind.Invalid, $"'{path}' has no command '{token}'.", nearest is null ? help : $"Did you mean '{path} {nearest}'?");
        }

        return new FuseMixException(FailureKind.Invalid, $"'{path}' does not take '{token}'.", help);
    }

    private static IEnumerable<string> Options(Command command)
    {
        for (Command? c = command; c is not null; c = c.Parents.OfType<Command>().FirstOrDefault())
        {
            foreach (var option in c.Options.Where(o => !o.Hidden && (c == command || o.Recursive)))
            {
                yield return option.Name;
                foreach (var alias in option.Aliases.Where(a => a.StartsWith('-'))) yield return alias;
            }
        }
    }

    private static FuseMixException Unreadable(OptionResult option)
    {
        var type = Nullable.GetUnderlyingType(option.Option.ValueType) ?? option.Option.ValueType;
        var wanted = type == typeof(int) || type == typeof(long) || type == typeof(ulong) ? "a whole number"
            : type == typeof(float) || type == typeof(double) ? "a number"
            : "another value";
        return new FuseMixException(FailureKind.Invalid, $"{option.Option.Name} needs {wanted}, not '{string.Join(' ', option.Tokens.Select(t => t.Value))}'.");
    }
}
