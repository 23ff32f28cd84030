using System.CommandLine;

namespace FuseMix.Cli.CommandLine;

/// <summary>Options that take one of a few words; another word gets the nearest valid one.</summary>
internal static class Choice
{
    public static Option<string> Of(string name, string preset, string description, params string[] words)
    {
        var option = new Option<string>(name)
        {
            Description = $"{description} (default: {preset})",
            HelpName = string.Join('|', words),
            DefaultValueFactory = _ => preset,
        };
        option.CompletionSources.Add(words);
        option.Validators.Add(result =>
        {
            if (result.Tokens is [var token] && !words.Contains(token.Value))
                result.AddError(FuseMixException.UnknownName($"value of {name}", token.Value, words, FailureKind.Invalid).Advice);
        });
        return option;
    }
}
