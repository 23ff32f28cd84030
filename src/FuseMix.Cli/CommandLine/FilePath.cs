using System.CommandLine;
using FuseMix.Storage;

namespace FuseMix.Cli.CommandLine;

/// <summary>Options and arguments that name a file or a folder of this machine, where '~' is the user's own.</summary>
internal static class FilePath
{
    public static Option<string?> Option(string name, string helpName, string description, bool required = false, bool recursive = false) =>
        new(name)
        {
            Description = description,
            HelpName = helpName,
            Required = required,
            Recursive = recursive,
            CustomParser = static result => UserPath.Expand(result.Tokens[0].Value),
        };

    public static Argument<string> Argument(string name, string description) =>
        new(name) { Description = description, CustomParser = static result => UserPath.Expand(result.Tokens[0].Value) };
}
