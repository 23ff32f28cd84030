using FuseMix.Cli.CommandLine;
using FuseMix.Cli.Session;
using FuseMix.Contracts;

namespace FuseMix.Cli.Jobs;

/// <summary>A job that ran before the command that watches it, and goes on after it: whoever set it going is the one to cancel
/// it.</summary>
internal static class OthersJob
{
    /// <summary>Whether somebody else has set the job going; in a node of this process nobody else can have.</summary>
    /// <param name="run">The run.</param>
    /// <param name="status">Asks where the job stands.</param>
    public static async Task<bool> Runs(CliRun run, Func<Task<JobState>> status)
    {
        try
        {
            return await status() is JobState.Queued or JobState.Running && IsElsewhere(run);
        }
        catch (FuseMixException none) when (none.Kind == FailureKind.NotFound)
        {
            return false;
        }
    }

    /// <summary>Whether jobs go on without this command: not where it has had to take over the node that they ran on.</summary>
    public static bool IsElsewhere(CliRun run) => run.IsRemote || run.Host is not null;

    /// <summary>What ends a command that only watched.</summary>
    /// <param name="job">What goes on, as the subject of a sentence.</param>
    /// <param name="cancel">What stops it, in one sentence.</param>
    public static StoppedException Left(string job, string cancel) =>
        new($"Stopped watching; {job}, which ran before this command, goes on.", cancel);
}
