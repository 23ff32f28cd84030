using FuseMix.Cli.CommandLine;
using FuseMix.Cli.Jobs;
using FuseMix.Cli.Output;
using FuseMix.Cli.Progress;
using FuseMix.Cli.Session;
using FuseMix.Contracts;
using FuseMix.Contracts.Extraction;

namespace FuseMix.Cli.Extraction;

/// <summary>Follows one extraction job from start to end.</summary>
internal static class ExtractionWork
{
    /// <exception cref="FuseMixException">The job failed.</exception>
    /// <exception cref="StoppedException">The user stopped it.</exception>
    public static async Task<ExtractionStatus> Run(CliRun run, string dataset, string encoder, string? accelerator = null)
    {
        var client = run.ClientToWork();
        var others = await OthersJob.Runs(run, async () => (await client.Extraction(dataset, encoder, run.Stop)).State);
        var status = await client.StartExtraction(new ExtractionRequest(dataset, encoder, accelerator), run.Stop);
        using (var progress = run.Terminal.Progress($"Extracting {dataset} with {encoder}", new ProgressUnit("items")))
        {
            try
            {
                await foreach (var now in client.WatchExtraction(dataset, encoder, run.Stop))
                {
                    status = now;
                    progress.Report(Read(now));
                }
            }
            catch (Exception) when (run.Stop.IsCancellationRequested)
            {
                if (others && OthersJob.IsElsewhere(run))
                    throw OthersJob.Left("the extraction", $"'./fusemix cancel extract {dataset} {encoder}' stops it.");
                status = await client.CancelExtraction(dataset, encoder);
            }
        }

        return status.State switch
        {
            JobState.Completed => status,
            JobState.Cancelled => throw Stopped(status),
            _ => throw new FuseMixException(
                FailureKind.Unavailable,
                $"The extraction of '{dataset}' with '{encoder}' failed: {status.Error ?? status.State.ToString()}",
                $"'./fusemix extract {dataset} {encoder}' goes on from the {Phrases.Count(status.ShardsDone, "shard")} that are "
                    + "committed."),
        };
    }

    public static ProgressReading Read(ExtractionStatus status) => new(status.ItemsDone, status.Items)
    {
        PerSecond = status.ItemsPerSecond,
        Detail = status.ItemsFailed > 0 ? $"{Phrases.Count(status.ItemsFailed)} failed" : null,
    };

    /// <summary>What became of it, in one line.</summary>
    public static string Describe(ExtractionStatus status)
    {
        var failed = status.ItemsFailed > 0
            ? $"; {Phrases.Count(status.ItemsFailed, "item")} failed ('./fusemix datasets show {status.Dataset}' names them)"
            : "";
        if (status.ItemsFound >= status.Items) return $"{Phrases.Count(status.Items, "latent")} already there{failed}";
        var found = status.ItemsFound > 0 ? $", {Phrases.Count(status.ItemsFound)} were already there" : "";
        var rate = Phrases.Rate(status.ItemsPerSecond, "items");
        return $"{Phrases.Count(status.Items - status.ItemsFound, "latent")}{(rate.Length > 0 ? $" at {rate}" : "")}{found}{failed}";
    }

    private static StoppedException Stopped(ExtractionStatus status) => new(
        $"Stopped; {Phrases.Count(status.ShardsDone)} of {Phrases.Count(status.Shards, "shard")} are committed.",
        $"'./fusemix extract {status.Dataset} {status.Encoder}' goes on from there.");
}
