namespace FuseMix.Storage;

/// <summary>The one folder under which everything durable lives; it can be moved as a whole.</summary>
public sealed class FuseMixHome
{
    /// <summary>The environment variable that names the home folder.</summary>
    public const string EnvironmentVariable = "FUSEMIX_HOME";

    /// <summary>The home folder's name under the current folder where nothing else is said.</summary>
    public const string DefaultFolder = ".fusemix";

    /// <summary>The home at a folder, which need not exist yet; '~' is <see cref="UserPath.Expand">the user's own</see>.</summary>
    public FuseMixHome(string root) => Root = Path.TrimEndingDirectorySeparator(Path.GetFullPath(UserPath.Expand(root)));

    /// <summary>The home folder, absolute.</summary>
    public string Root { get; }

    /// <summary>Fetched packages.</summary>
    public string Packages => this["packages"];

    /// <summary>Encoder packs.</summary>
    public string Encoders => this["encoders"];

    /// <summary>Datasets.</summary>
    public string Datasets => this["datasets"];

    /// <summary>Latent sets.</summary>
    public string Latents => this["latents"];

    /// <summary>Fusion models.</summary>
    public string Models => this["models"];

    /// <summary>Training runs with their checkpoints and curves.</summary>
    public string Runs => this["runs"];

    /// <summary>The curves of trainings as event files of TensorBoard, a folder per model and in it one per job.</summary>
    public string TensorBoard => this["tensorboard"];

    /// <summary>Collections with their generations.</summary>
    public string Collections => this["collections"];

    /// <summary>Files that came over the network.</summary>
    public string Uploads => this["uploads"];

    /// <summary>The state of grains and jobs.</summary>
    public string State => this["state"];

    private string this[string folder] => Path.Combine(Root, folder);

    /// <summary>The home that an option names, else the environment variable, else <c>.fusemix</c> under the current folder.</summary>
    /// <param name="option">The value of <c>--home</c>; null or empty where it was not given.</param>
    public static FuseMixHome Resolve(string? option = null)
    {
        if (!string.IsNullOrWhiteSpace(option)) return new FuseMixHome(option);
        var variable = Environment.GetEnvironmentVariable(EnvironmentVariable);
        return new FuseMixHome(string.IsNullOrWhiteSpace(variable) ? DefaultFolder : variable);
    }

    /// <summary>Makes the home folder and its sub-folders, and proves by a probe that they can be written to and that a file can be
    /// locked.</summary>
    /// <exception cref="FuseMixException">They cannot; the message names the folder and why.</exception>
    public FuseMixHome EnsureWritable()
    {
        var folder = Root;
        try
        {
            foreach (var sub in (string[])[Packages, Encoders, Datasets, Latents, Models, Runs, Collections, State])
            {
                folder = sub;
                Directory.CreateDirectory(sub);
            }

            folder = Root;
            return FileLock.Works(Root) ? this : throw new FuseMixException(
                FailureKind.Unavailable,
                $"The home folder '{folder}' cannot be used: file locks keep nobody out there, and two processes would change the same thing at once.",
                "Mount it with locks (NFS without 'nolock', SMB without 'nobrl'), unset DOTNET_SYSTEM_IO_DISABLEFILELOCKING, or choose another one "
                + $"with --home or {EnvironmentVariable}.");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new FuseMixException(
                FailureKind.Unavailable,
                $"The home folder '{folder}' cannot be used: {e.Message}",
                $"Choose another one with --home or {EnvironmentVariable}, or give this user the right to write there.",
                e);
        }
    }

    /// <summary>How a path is recorded: relative with forward slashes where it lies in the home, which can then move; else absolute.</summary>
    public string Portable(string path)
    {
        var relative = Path.GetRelativePath(Root, Path.GetFullPath(path));
        var above = relative == ".." || relative.StartsWith($"..{Path.DirectorySeparatorChar}", StringComparison.Ordinal);
        var inside = !above && !Path.IsPathRooted(relative);
        return inside ? relative.Replace(Path.DirectorySeparatorChar, '/') : Path.GetFullPath(path);
    }

    /// <summary>The absolute path of a recorded one.</summary>
    public string Locate(string portable) => Path.GetFullPath(Path.Combine(Root, portable));
}
