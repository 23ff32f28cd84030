using System.CommandLine;

namespace FuseMix.Cli.Session;

/// <summary>The removal of something that others may stand on.</summary>
internal static class Removal
{
    public static readonly Option<bool> Force =
        new("--force") { Description = "Remove it though a collection stands on it, and say what breaks" };

    /// <summary>Removes it where nothing stands on it; with --force in any case, saying what breaks.</summary>
    /// <param name="run">The run.</param>
    /// <param name="remove">Removes it, given whether by force.</param>
    /// <exception cref="FuseMixException">Something stands on it, and it is not forced; or there is nothing of that name.</exception>
    public static async Task Run(CliRun run, Func<bool, Task> remove)
    {
        try
        {
            await remove(false);
        }
        catch (FuseMixException used) when (used.Kind == FailureKind.Conflict && run.Get(Force))
        {
            run.Terminal.Warn(used.Message);
            await remove(true);
        }
    }
}
