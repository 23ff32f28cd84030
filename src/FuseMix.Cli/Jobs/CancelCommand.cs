using System.CommandLine;
using FuseMix.Cli.CommandLine;
using FuseMix.Cli.Output;
using FuseMix.Cli.Session;
using FuseMix.Cli.Training;
using FuseMix.Client;
using FuseMix.Contracts;
using FuseMix.Contracts.Training;

namespace FuseMix.Cli.Jobs;

/// <summary><c>fusemix cancel</c></summary>
internal static class CancelCommand
{
    private static readonly Argument<string> Training = new("training") { Description = "Name of a fusion model that is being trained, or the id of a training job" };

    private static readonly Argument<string> Dataset = new("dataset") { Description = "Name of the dataset" };

    private static readonly Argument<string> Encoder = new("encoder") { Description = "Name of the encoder" };

    private static readonly Argument<string> Collection = new("collection") { Description = "Name of the collection" };

    public static Command Create() =>
        new CliCommand("cancel", "Stop a job, whoever set it going. './fusemix status' shows the jobs.").With(
            new CliCommand("extract", "Stop an extraction. What is committed stays.")
                .With(Dataset, Encoder)
                .WithExample("./fusemix cancel extract emoji use-lite", "'extract emoji use-lite' goes on from there")
                .Does(Extraction),
            new CliCommand("train", "Stop a training after the step in hand, with a checkpoint, or take it out of the queue.")
                .With(Training)
                .WithExample("./fusemix cancel train emoji-small", "training it again goes on from there")
                .Does(Train),
            new CliCommand("build", "Stop the build of a collection. What was live before stays.")
                .With(Collection)
                .WithExample("./fusemix cancel build emoji", "building it again begins anew")
                .Does(Build));

    private static async Task Extraction(CliRun run)
    {
        var (dataset, encoder) = (run.Get(Dataset), run.Get(Encoder));
        var client = run.ClientToWork();
        Require((await client.Extraction(dataset, encoder, run.Stop)).State, $"The extraction of '{dataset}' with '{encoder}'");
        var status = await client.CancelExtraction(dataset, encoder, run.Stop);
        run.Terminal.Result(status, CliJson.Relaxed.ExtractionStatus, s => run.Terminal.Say(
            $"{run.Terminal.Out.Green("✓")} Stopped; {Phrases.Count(s.ShardsDone)} of {Phrases.Count(s.Shards, "shard")} are committed."));
    }

    private static async Task Train(CliRun run)
    {
        var name = run.Get(Training);
        var client = run.ClientToWork();
        var going = await Going(client, run.Stop);
        var meant = going.Where(job => job.JobId == name || job.Model == name).ToArray();
        if (meant.Length == 0)
        {
            throw new FuseMixException(
                FailureKind.NotFound,
                $"No training named '{name}' is queued or running.",
                NearestName.Of(name, going.Select(job => job.Model)) is { } nearest ? $"Did you mean '{nearest}'?" : "'./fusemix status' shows the jobs.");
        }

        for (var i = 0; i < meant.Length; i++) meant[i] = await TrainingWork.Cancel(client, meant[i].JobId, run.Stop);
        run.Terminal.Result(meant, CliJson.Relaxed.TrainingStatusArray, all =>
        {
            foreach (var job in all)
                run.Terminal.Say($"{run.Terminal.Out.Green("✓")} {job.JobId}: stopped after step {Phrases.Count(job.Step)} of {Phrases.Count(job.Steps)}.");
        });
    }

    private static async Task Build(CliRun run)
    {
        var collection = run.Get(Collection);
        var client = run.ClientToWork();
        Require((await client.Build(collection, run.Stop)).State, $"The build of collection '{collection}'");
        var status = await client.CancelBuild(collection, run.Stop);
        run.Terminal.Result(status, CliJson.Relaxed.BuildStatus, _ => run.Terminal.Say(
            $"{run.Terminal.Out.Green("✓")} Stopped; what was live before stays."));
    }

    /// <summary>The trainings that are queued or running: the list begins with them.</summary>
    private static async Task<TrainingStatus[]> Going(IFuseMixClient client, CancellationToken cancellationToken)
    {
        List<TrainingStatus> going = [];
        string? next = null;
        do
        {
            var page = await client.Trainings(ITrainerGrain.MostListed, next, cancellationToken);
            going.AddRange(page.Trainings.Where(job => job.State is JobState.Queued or JobState.Running));
            next = page.Trainings is [.., var last] && !last.State.IsOver() ? page.Next : null;
        }
        while (next is not null);
        return [.. going];
    }

    private static void Require(JobState state, string job)
    {
        if (state != JobState.Running)
            throw new FuseMixException(FailureKind.NotFound, $"{job} is not running.", "'./fusemix status' shows the jobs.");
    }
}
