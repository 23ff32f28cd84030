using System.CommandLine;

namespace FuseMix.Cli.CommandLine;

/// <summary>The options that every command has.</summary>
internal static class CommonOptions
{
    public static readonly Option<string?> Home = FilePath.Option(
        "--home", "folder", "The folder of everything durable (default: FUSEMIX_HOME, else .fusemix here)", recursive: true);

    public static readonly Option<string?> Cluster = new("--cluster")
    {
        Description = "A remote cluster, e.g. https://host:5080; several gateways with ',' between (default: FUSEMIX_CLUSTER, else the node of the home folder)",
        HelpName = "url",
        Recursive = true,
    };

    public static readonly Option<string?> ApiKey = new("--api-key")
    {
        Description = "The API key for the cluster; others on this machine can see command lines, so better in FUSEMIX_API_KEY",
        HelpName = "key",
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

    public static readonly Option[] All = [Home, Cluster, ApiKey, Json, Quiet, Verbose];

    /// <summary>The environment variable that names a remote cluster.</summary>
    public const string ClusterVariable = "FUSEMIX_CLUSTER";

    /// <summary>The environment variable that holds its key.</summary>
    public const string ApiKeyVariable = "FUSEMIX_API_KEY";

    /// <summary>The addresses in a list; none in an empty one.</summary>
    /// <exception cref="FuseMixException">One is none.</exception>
    public static IReadOnlyList<Uri> ReadAddresses(string? list) =>
    [
        .. (list ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .Select(address => Uri.TryCreate(address, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https" ? uri : throw new FuseMixException(
                FailureKind.Invalid,
                $"'{address}' is not the address of a cluster.",
                address.Contains("://", StringComparison.Ordinal) ? "It is written like http://localhost:5080." : $"Did you mean 'http://{address}'?")),
    ];
}
