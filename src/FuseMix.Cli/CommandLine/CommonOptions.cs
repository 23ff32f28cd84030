using System.CommandLine;

namespace FuseMix.Cli.CommandLine;

/// <summary>The options that every command has.</summary>
internal static class CommonOptions
{
    public static readonly Option<string?> Home = new("--home")
    {
        Description = "The folder of everything durable (default: FUSEMIX_HOME, else .fusemix here)",
        HelpName = "folder",
        Recursive = true,
    };

    public static readonly Option<bool> Json = new("--json")
    {
        Description = "One JSON document on standard output, for scripts",
        Recursive = true,
    };

    public static readonly Option<bool> Quiet = new("--quiet", "-q")
    {
        Description = "Results and errors only: no progress",
        Recursive = true,
    };

    public static readonly Option<bool> Verbose = new("--verbose")
    {
        Description = "Show where an error comes from, and the log",
        Recursive = true,
    };

    public static readonly Option[] All = [Home, Json, Quiet, Verbose];
}
