using System.Globalization;
using FuseMix.Cli.CommandLine;
using FuseMix.Cli.Jobs;
using FuseMix.Cli.Output;
using FuseMix.Cli.Progress;
using FuseMix.Cli.Session;
using FuseMix.Client;
using FuseMix.Contracts;
using FuseMix.Contracts.Training;

namespace FuseMix.Cli.Training;

/// <summary>Follows one training job from submission to end.</summary>
internal static class TrainingWork
{
    /// <param name="run">The run.</param>
    /// <param name="request">What to train.</param>
    /// <param name="resume">What goes on with it, as the subject of a sentence.</param>
    /// <exception cref="FuseMixException">The job failed.</exception>
    /// <exception cref="StoppedException">The user stopped it.</exception>
    public static async Task<TrainingOutcome> Run(CliRun run, TrainingRequest request, string resume)
    {
        var started = run.Terminal.Clock.GetTimestamp();
        var client = run.ClientToWork();
        var others = await OthersJob.Runs(run, async () => (await client.Training(request.JobId, run.Stop)).State);
        var status = await client.SubmitTraining(request, run.Stop);
        if (status.State == JobState.Completed) return new TrainingOutcome(status, Reused: true, [], [], run.Terminal.Clock.GetElapsedTime(started));

        var curve = new List<LossPoint>();
        var validations = new List<TrainingValidation>();
        using (var progress = run.Terminal.Progress($"Training {request.Model}", new ProgressUnit("steps")))
        {
            try
            {
                await foreach (var now in client.WatchTraining(request.JobId, run.Stop))
                {
                    status = now;
                    if (double.IsFinite(now.Loss) && (curve.Count == 0 || curve[^1].Step != now.Step)) curve.Add(new LossPoint(now.Step, now.Loss));
                    if (now.Validation is { } last && (validations.Count == 0 || validations[^1].Step != last.Step)) validations.Add(last);
                    progress.Report(Read(now));
                }
            }
            catch (Exception) when (run.Stop.IsCancellationRequested)
            {
                if (others && OthersJob.IsElsewhere(run)) throw OthersJob.Left("the training", $"'./fusemix cancel train {request.JobId}' stops it.");
                status = await Cancel(client, request.JobId);
            }
        }

        return status.State switch
        {
            JobState.Completed => new TrainingOutcome(status, Reused: false, [.. curve], [.. validations], run.Terminal.Clock.GetElapsedTime(started)),
            JobState.Cancelled => throw Stopped(status, resume),
            _ => throw new FuseMixException(
                FailureKind.Unavailable,
                $"Training '{request.Model}' failed at step {Phrases.Count(status.Step)}: {status.Error ?? status.State.ToString()}",
                $"{resume} goes on from the last checkpoint."),
        };
    }

    /// <summary>Stops a training and waits until it has: the step in hand is done first, and its checkpoint written.</summary>
    public static async Task<TrainingStatus> Cancel(IFuseMixClient client, string job, CancellationToken cancellationToken = default)
    {
        var status = await client.CancelTraining(job, cancellationToken);
        if (status.State.IsOver()) return status;
        await foreach (var now in client.WatchTraining(job, cancellationToken)) status = now;
        return status;
    }

    public static ProgressReading Read(TrainingStatus status) => new(status.Step, status.Steps)
    {
        PerSecond = status.PairsPerSecond,
        RateNoun = "pairs",
        Left = status.Remaining,
        Detail = status.State == JobState.Queued ? "waiting for the trainer" : double.IsFinite(status.Loss) ? $"loss {Phrases.Fixed(status.Loss, 3)}" : "starting",
        More = status.Epoch > 0 ? More(status) : null,
        Point = double.IsFinite(status.Loss) ? status.Loss : null,
    };

    private static string More(TrainingStatus status)
    {
        var rate = status.LearningRate.ToString("0.0e-0", CultureInfo.InvariantCulture);
        var validation = status.Validation is { } last ? $", validation R@1 {Phrases.Fixed(last.At1, 1)} % (step {Phrases.Count(last.Step)})" : "";
        return $"epoch {Phrases.Count(status.Epoch)} of {Phrases.Count(status.Epochs)}, learning rate {rate}, τ {Phrases.Fixed(status.Temperature, 3)}{validation}";
    }

    /// <summary>A validation in a few words.</summary>
    public static string Describe(TrainingValidation validation) =>
        $"validation R@1 {Phrases.Fixed(validation.At1, 1)} %, mean recall {Phrases.Fixed(validation.Mean, 1)} % after step {Phrases.Count(validation.Step)}";

    /// <summary>What became of it, in one line.</summary>
    public static string Describe(TrainingOutcome outcome)
    {
        var status = outcome.Status;
        if (outcome.Reused) return $"already trained, recognised as job {status.JobId}";
        var resumed = status.ResumedFrom > 0 ? $", resumed from step {Phrases.Count(status.ResumedFrom)}" : "";
        var rate = status.PairsPerSecond > 0 ? $", τ {Phrases.Fixed(status.Temperature, 3)}, {Phrases.Rate(status.PairsPerSecond, "pairs")}" : "";
        return $"{Phrases.Count(status.Step, "step")}{resumed}, loss {Phrases.Fixed(status.Loss, 3)}{rate}";
    }

    private static StoppedException Stopped(TrainingStatus status, string resume) =>
        new($"Stopped after step {Phrases.Count(status.Step)} of {Phrases.Count(status.Steps)}, with a checkpoint.", $"{resume} goes on from there.");
}

/// <summary>How a training job ended.</summary>
/// <param name="Status">Its last status.</param>
/// <param name="Reused">Whether it was found done.</param>
/// <param name="Curve">The loss as it was seen; a slow reader skips steps.</param>
/// <param name="Validations">The recalls on the validation pairs as they were seen.</param>
/// <param name="Elapsed">Time waited.</param>
internal sealed record TrainingOutcome(TrainingStatus Status, bool Reused, LossPoint[] Curve, TrainingValidation[] Validations, TimeSpan Elapsed);

/// <summary>The loss after one step.</summary>
internal sealed record LossPoint(int Step, double Loss);
