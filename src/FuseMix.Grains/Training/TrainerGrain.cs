using System.Diagnostics;
using System.Runtime.CompilerServices;
using FuseMix.Contracts;
using FuseMix.Contracts.Jobs;
using FuseMix.Contracts.Training;
using FuseMix.Grains.Nodes;
using FuseMix.Storage;
using FuseMix.Training;
using Microsoft.Extensions.Logging;
using Orleans;
using Orleans.Runtime;

namespace FuseMix.Grains.Training;

[TrainPlacement]
internal sealed partial class TrainerGrain(
    [PersistentState("trainer", GrainStorage.Name)] IPersistentState<TrainerRecord> record,
    FuseMixHome home,
    ModelTraining training,
    ModelEvaluation evaluation,
    TrainingMetrics metrics,
    TimeProvider clock,
    ILogger<TrainerGrain> logger) : Grain, ITrainerGrain
{
    private static readonly TimeSpan KeepAlive = TimeSpan.FromMinutes(1);

    private readonly SerialState<TrainerRecord> _state = new(record);
    private readonly ChangeSignal _changed = new();
    private readonly CancellationTokenSource _leaving = new();
    private TrainerFence? _fence;
    private Task _queue = Task.CompletedTask;
    private IGrainTimer? _keepAlive;
    private RunningJob? _running;

    public override async Task OnActivateAsync(CancellationToken cancellationToken)
    {
        if (this.GetPrimaryKeyString() != ITrainerGrain.Key)
        {
            throw new FuseMixException(FailureKind.Invalid, $"There is one trainer, with the key '{ITrainerGrain.Key}'.");
        }

        _fence = await Task.Run(() => TrainerFence.Claim(home, metrics.Fenced), cancellationToken);
        if (_fence.HasOvertaken) LogOvertaken();

        // Jobs that were running or waiting when the last trainer went away go on.
        WorkThroughQueue();
    }

    public override async Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        await _leaving.CancelAsync();
        await _queue;
        metrics.Has([]);
    }

    public async Task<TrainingStatus> Submit(TrainingRequest request)
    {
        var job = _state.Value.Find(ResourceName.Require(request.JobId, "job"));
        if (job is not null && !SameRequest(job.Request, request))
        {
            throw new FuseMixException(
                FailureKind.Conflict, $"Training job '{request.JobId}' was submitted before, for something else.", "Give another job id.");
        }

        if (job?.State is not (JobState.Queued or JobState.Running) && !(job?.State == JobState.Completed && training.IsMade(request)))
        {
            // Refuse now what would fail later: unknown names, recipes, missing latents.
            await Task.Run(() => training.Check(request));
            var before = (State: job?.State ?? JobState.Unknown, job?.Error);
            await GrainFactory.GetGrain<IJobListGrain>(IJobListGrain.Key).Begun(new JobReference(JobKind.Training, ITrainerGrain.Key));
            var queued = job ?? new TrainingJobRecord { Request = request, SubmittedAt = clock.GetUtcNow() };
            await _state.Change(
                state =>
                {
                    if (job is null) state.Jobs.Add(queued);
                    (queued.State, queued.Error) = (JobState.Queued, null);
                    return true;
                },
                undo: state =>
                {
                    if (job is null) state.Jobs.Remove(queued);
                    (queued.State, queued.Error) = before;
                });
            Changed();
            WorkThroughQueue();
        }

        return Snapshot(request.JobId);
    }

    public Task<TrainingStatus> Status(string jobId) => Task.FromResult(Snapshot(jobId));

    public Task<TrainingStatus[]> List() =>
        Task.FromResult<TrainingStatus[]>([.. _state.Value.Jobs.Select(job => Snapshot(job.Request.JobId)).Reverse()]);

    public async Task<TrainingStatus> Cancel(string jobId)
    {
        _ = Snapshot(jobId);
        if (_running is { } running && running.JobId == jobId)
        {
            await running.Stop.CancelAsync();
        }
        else
        {
            await _state.Change(
                state =>
                {
                    if (state.Find(jobId) is not { State: JobState.Queued } job) return false;
                    job.State = JobState.Cancelled;
                    return true;
                },
                undo: state => state.Find(jobId)!.State = JobState.Queued);
            Changed();
        }

        return Snapshot(jobId);
    }

    public async IAsyncEnumerable<TrainingStatus> Watch(string jobId, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        while (true)
        {
            var next = _changed.Next;
            var status = Snapshot(jobId);
            yield return status;
            if (status.State.IsOver()) yield break;
            await next.WaitAsync(cancellationToken);
        }
    }

    public Task<string> FitBaseline(string model, string dataset) => Task.Run(() => training.FitBaseline(model, dataset, _fence!));

    public Task<EvaluationReport> Evaluate(EvaluationRequest request) => Task.Run(() => evaluation.Run(request));

    private void WorkThroughQueue()
    {
        if (_queue.IsCompleted) _queue = RunQueue();
    }

    private async Task RunQueue()
    {
        // It goes on for long after the call that began it; each job is a trace of its own.
        Activity.Current = null;
        while (!_leaving.IsCancellationRequested && NextJob() is { } job)
        {
            _keepAlive ??= this.RegisterGrainTimer(
                _ => Task.CompletedTask, new GrainTimerCreationOptions(KeepAlive, KeepAlive) { KeepAlive = true, Interleave = true });
            await Run(job);
        }

        _keepAlive?.Dispose();
        _keepAlive = null;
    }

    private TrainingJobRecord? NextJob() =>
        _state.Value.Jobs.Find(job => job.State == JobState.Running) ?? _state.Value.Jobs.Find(job => job.State == JobState.Queued);

    private async Task Run(TrainingJobRecord job)
    {
        using var running = new RunningJob(job.Request.JobId, _leaving.Token);
        _running = running;
        var (state, error) = (JobState.Completed, (string?)null);
        try
        {
            var isWanted = await _state.Change(_ =>
            {
                // It was chosen while its cancelling was being written.
                if (job.State is not (JobState.Queued or JobState.Running)) return false;
                (job.State, job.Error) = (JobState.Running, null);
                return true;
            });
            if (!isWanted)
            {
                _running = null;
                return;
            }

            Changed();
            LogStarted(job.Request.JobId, job.Request.Model);
            await Task.Factory.StartNew(
                () => TrainingMetrics.Trace(job.Request, () => training.Run(job.Request, _fence!, progress => Publish(running, progress), running.Stop.Token)),
                CancellationToken.None,
                TaskCreationOptions.LongRunning,
                TaskScheduler.Default);
        }
        catch (OperationCanceledException)
        {
            // A trainer that leaves its node has not been cancelled: the job stays running, for the next one to go on with.
            state = _leaving.IsCancellationRequested ? JobState.Running : JobState.Cancelled;
        }
        catch (Exception failure) when (failure is not OutOfMemoryException)
        {
            (state, error) = (JobState.Failed, (failure as FuseMixException)?.Advice ?? failure.Message);
            LogFailed(failure, job.Request.JobId);
        }

        try
        {
            // Whoever took over has the job now, and says how it ends: this trainer neither writes nor goes on.
            if (_fence!.IsLost) throw new FuseMixException(FailureKind.Conflict, error!);
            await _state.Change(_ =>
            {
                (job.State, job.Error) = (state, error);
                if (running.Progress is { } last) job.Keep(last);
                return true;
            });
            LogEnded(job.Request.JobId, state);
        }
        catch (Exception failure) when (failure is not OutOfMemoryException)
        {
            // The outcome is not recorded; model and checkpoints stand, so the next activation finds the job running and ends it.
            LogNotRecorded(failure, job.Request.JobId);
            await _leaving.CancelAsync();
            DeactivateOnIdle();
        }
        finally
        {
            _running = null;
            Changed();
        }
    }

    private void Changed()
    {
        metrics.Has(_state.Value.Jobs);
        _changed.Raise();
    }

    private void Publish(RunningJob running, TrainingProgress progress)
    {
        running.Progress = progress;
        _changed.Raise();
    }

    private TrainingStatus Snapshot(string jobId)
    {
        var job = _state.Value.Find(jobId)
            ?? throw FuseMixException.UnknownName("training job", jobId, _state.Value.Jobs.Select(known => known.Request.JobId));
        var live = _running is { } running && running.JobId == jobId ? running.Progress : null;
        return new TrainingStatus(
            jobId,
            job.Request.Model,
            job.State,
            live?.Step ?? job.Step,
            live?.Steps ?? job.Steps,
            live?.Loss ?? job.Loss ?? double.NaN,
            live?.LearningRate ?? job.LearningRate,
            live?.Temperature ?? job.Temperature,
            live?.PairsPerSecond ?? job.PairsPerSecond,
            live?.Remaining,
            live?.ResumedFrom ?? 0,
            job.SubmittedAt,
            job.Error,
            job.Request.Dataset,
            live?.Epoch ?? job.Epoch,
            live?.Epochs ?? job.Epochs,
            live is null ? job.Validation : TrainingJobRecord.Of(live.LastValidation));
    }

    private static bool SameRequest(TrainingRequest a, TrainingRequest b) =>
        a.Model == b.Model && a.Dataset == b.Dataset && a.Recipe == b.Recipe && a.Seed == b.Seed && a.Fold == b.Fold
        && a.Encoders.Count == b.Encoders.Count && a.Encoders.All(entry => b.Encoders.GetValueOrDefault(entry.Key) == entry.Value);

    [LoggerMessage(2001, LogLevel.Information, "Training job {Job} makes the fusion model {Model}")]
    private partial void LogStarted(string job, string model);

    [LoggerMessage(2002, LogLevel.Information, "Training job {Job} is {State}")]
    private partial void LogEnded(string job, JobState state);

    [LoggerMessage(2003, LogLevel.Error, "Training job {Job} failed")]
    private partial void LogFailed(Exception failure, string job);

    [LoggerMessage(2004, LogLevel.Error, "The end of training job {Job} could not be recorded; the trainer starts anew")]
    private partial void LogNotRecorded(Exception failure, string job);

    [LoggerMessage(2005, LogLevel.Warning, "The trainer before this one is stalled in the middle of a write; this one does not wait for it any longer")]
    private partial void LogOvertaken();

    private sealed class RunningJob(string jobId, CancellationToken leaving) : IDisposable
    {
        private TrainingProgress? _progress;

        public string JobId => jobId;

        public CancellationTokenSource Stop { get; } = CancellationTokenSource.CreateLinkedTokenSource(leaving);

        /// <summary>Written by the training thread.</summary>
        public TrainingProgress? Progress
        {
            get => Volatile.Read(ref _progress);
            set => Volatile.Write(ref _progress, value);
        }

        public void Dispose() => Stop.Dispose();
    }
}
