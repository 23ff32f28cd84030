namespace FuseMix.Silo;

/// <summary>What was asked on the command line of <c>fusemix-silo</c>.</summary>
/// <param name="Files">Configuration files, in the order in which later ones win.</param>
/// <param name="Settings">Single keys, which win over files and environment.</param>
/// <param name="Act">What to do.</param>
internal sealed record SiloArguments(IReadOnlyList<string> Files, IReadOnlyDictionary<string, string?> Settings, SiloAct Act)
{
    private static readonly string[] Options = ["--config", "--check", "--create-schema", "--openapi", "--version", "--help"];

    /// <exception cref="FuseMixException">A word is not known; the message names the nearest that is.</exception>
    public static SiloArguments Parse(IReadOnlyList<string> arguments)
    {
        var files = new List<string>();
        var settings = new Dictionary<string, string?>(StringComparer.OrdinalIgnoreCase);
        var act = SiloAct.Serve;
        for (var i = 0; i < arguments.Count; i++)
        {
            var (word, value) = arguments[i].Split('=', 2) is [var left, var right] ? (left, right) : (arguments[i], null);
            switch (word)
            {
                case "--config":
                    value ??= ++i < arguments.Count ? arguments[i] : throw Invalid("--config needs a file.", "Write --config FILE.");
                    files.Add(value);
                    break;
                case "--check" when value is null:
                    act = SiloAct.Check;
                    break;
                case "--create-schema" when value is null:
                    act = SiloAct.CreateSchema;
                    break;
                case "--openapi" when value is null:
                    act = SiloAct.DescribeApi;
                    break;
                case "--version" when value is null:
                    return Only(SiloAct.Version);
                case "--help" or "-h" or "-?" when value is null:
                    return Only(SiloAct.Help);
                default:
                    if (!word.StartsWith("--", StringComparison.Ordinal) || !word.Contains(':')) throw Unknown(arguments[i], word);
                    if (value is null) throw Invalid($"{word} has no value.", $"Write {word}=value.");
                    settings[word[2..]] = value;
                    break;
            }
        }

        return new SiloArguments(files, settings, act);

        static SiloArguments Only(SiloAct act) => new([], new Dictionary<string, string?>(), act);
    }

    private static FuseMixException Unknown(string argument, string word) => Invalid(
        $"'{argument}' is not known.",
        NearestName.Of(word, Options) is { } nearest ? $"Did you mean '{nearest}'?" : "'fusemix-silo --help' tells what there is.");

    private static FuseMixException Invalid(string what, string remedy) => new(FailureKind.Invalid, what, remedy);
}

/// <summary>What <c>fusemix-silo</c> does.</summary>
internal enum SiloAct
{
    /// <summary>Runs the node.</summary>
    Serve,

    /// <summary>Checks the configuration and ends.</summary>
    Check,

    /// <summary>Makes what the databases need and ends.</summary>
    CreateSchema,

    /// <summary>Prints the OpenAPI document and ends.</summary>
    DescribeApi,

    /// <summary>Prints the version and ends.</summary>
    Version,

    /// <summary>Says how to use it.</summary>
    Help,
}
