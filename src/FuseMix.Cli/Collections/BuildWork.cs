using FuseMix.Cli.CommandLine;
using FuseMix.Cli.Jobs;
using FuseMix.Cli.Progress;
using FuseMix.Cli.Session;
using FuseMix.Contracts;
using FuseMix.Contracts.Collections;

namespace FuseMix.Cli.Collections;

/// <summary>Follows the build of a collection from start to end.</summary>
internal static class BuildWork
{
    /// <exception cref="FuseMixException">The build failed.</exception>
    /// <exception cref="StoppedException">The user stopped it.</exception>
    public static async Task<(CollectionStatus Collection, bool Reused)> Run(CliRun run, string name, CollectionBuild request)
    {
        var client = run.ClientToWork();
        var others = await OthersJob.Runs(run, async () => (await client.Build(name, run.Stop)).State);
        var status = await client.StartBuild(name, request, run.Stop);
        using (var progress = run.Terminal.Progress($"Building {name}", new ProgressUnit("items")))
        {
            try
            {
                await foreach (var now in client.WatchBuild(name, run.Stop))
                {
                    status = now;
                    progress.Report(new ProgressReading(now.ItemsDone, now.Items));
                }
            }
            catch (Exception) when (run.Stop.IsCancellationRequested)
            {
                if (others && OthersJob.IsElsewhere(run)) throw OthersJob.Left("the build", $"'./fusemix cancel build {name}' stops it.");
                status = await client.CancelBuild(name);
            }
        }

        return status.State switch
        {
            JobState.Completed => (await client.Collection(name, run.Stop), status.Reused),
            JobState.Cancelled => throw Stopped(name, request),
            _ => throw new FuseMixException(
                FailureKind.Unavailable,
                $"The build of collection '{name}' failed: {status.Error ?? status.State.ToString()}",
                $"Searches go on in what was live before. {Again(name, request)}"),
        };
    }

    private static StoppedException Stopped(string name, CollectionBuild request) =>
        new("Stopped; what was live before stays.", Again(name, request));

    private static string Again(string name, CollectionBuild request) =>
        $"'./fusemix collections build {name} --model {request.Model} --dataset {request.Dataset}' begins anew.";
}
