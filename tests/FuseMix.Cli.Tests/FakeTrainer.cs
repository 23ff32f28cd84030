using System.Runtime.CompilerServices;
using FuseMix.Contracts;
using FuseMix.Contracts.Training;

namespace FuseMix.Cli.Tests;

/// <summary>A trainer whose jobs take three steps, or stand still at the second.</summary>
internal sealed class FakeTrainer : ITrainerGrain
{
    public List<TrainingRequest> Submitted { get; } = [];

    public List<EvaluationRequest> Evaluated { get; } = [];

    /// <summary>What <see cref="List"/> tells.</summary>
    public List<TrainingStatus> Jobs { get; } = [At("emoji-small-1", "emoji-small", JobState.Running, 2)];

    public List<string> Cancelled { get; } = [];

    /// <summary>Jobs that are found done.</summary>
    public HashSet<string> Done { get; } = [];

    /// <summary>Called when a job that stands still is watched; null for jobs that go on.</summary>
    public Action? StandsStill { get; init; }

    /// <summary>Why every job fails; null for jobs that do not.</summary>
    public string? Failure { get; init; }

    public static TrainingStatus At(string job, string model, JobState state, int step) => new(
        job, model, state, step, 3, step == 0 ? double.NaN : 6.0 / step, 1e-3, 0.07, 3_000, null, 0, DateTimeOffset.UnixEpoch, null);

    public Task<TrainingStatus> Submit(TrainingRequest request)
    {
        Submitted.Add(request);
        return Task.FromResult(Done.Contains(request.JobId) ? At(request.JobId, request.Model, JobState.Completed, 3) : At(request.JobId, request.Model, JobState.Queued, 0));
    }

    public Task<TrainingStatus> Status(string jobId) => throw new NotSupportedException();

    public Task<TrainingStatus[]> List() => Task.FromResult(Jobs.ToArray());

    public Task<TrainingStatus> Cancel(string jobId)
    {
        Cancelled.Add(jobId);
        return Task.FromResult(At(jobId, "m", JobState.Cancelled, 2));
    }

    public async IAsyncEnumerable<TrainingStatus> Watch(string jobId, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var model = Submitted.Last().Model;
        yield return At(jobId, model, JobState.Queued, 0);
        yield return At(jobId, model, JobState.Running, 1);
        yield return At(jobId, model, JobState.Running, 2);
        if (StandsStill is { } seen)
        {
            seen();
            await Task.Delay(Timeout.Infinite, cancellationToken);
        }

        if (Failure is { } failure)
        {
            yield return At(jobId, model, JobState.Failed, 2) with { Error = failure };
            yield break;
        }

        Done.Add(jobId);
        yield return At(jobId, model, JobState.Completed, 3);
    }

    public Task<string> FitBaseline(string model, string dataset) => Task.FromResult($"cca-{dataset}");

    public Task<EvaluationReport> Evaluate(EvaluationRequest request)
    {
        Evaluated.Add(request);
        return Task.FromResult(Report(request.Model, 37.2) with { Dataset = request.Dataset, Split = request.Split, Without = request.Without });
    }

    public static EvaluationReport Report(string model, double mean) => new(
        model, "emoji", "test", null,
        [
            new DirectionRecall(Modality.Image, Modality.Text, 598, 299, 19.2, 40.6, 51.5, 10),
            new DirectionRecall(Modality.Text, Modality.Image, 299, 598, 21.0, 40.4, 50.4, 9.5),
        ],
        mean);
}
