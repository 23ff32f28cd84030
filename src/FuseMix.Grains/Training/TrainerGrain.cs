using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using FuseMix.Contracts;
using FuseMix.Contracts.Jobs;
using FuseMix.Contracts.Training;
using FuseMix.Grains.Cluster;
using FuseMix.Grains.Jobs;
using FuseMix.Grains.Placement;
using FuseMix.Grains.State;
using FuseMix.Storage;
using FuseMix.Training;
using FuseMix.Training.Models;
using FuseMix.Training.Recipe;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Orleans;
using Orleans.Runtime;
using Orleans.Storage;

namespace FuseMix.Grains.Training;

[TrainPlacement]
[GrainType("trainer")]
internal sealed partial class TrainerGrain(
    [FromKeyedServices(GrainStorage.Name)] IGrainStorage storage,
    FuseMixHome home,
    ModelTraining training,
    TrainingMetrics metrics,
    NodeOptions options,
    TimeProvider clock,
    ILogger<TrainerGrain> logger) : Grain, ITrainerGrain
{
    private static readonly TimeSpan KeepAlive = TimeSpan.FromMinutes(1);

    private readonly TrainingJobs _jobs = new(storage);
    private readonly ChangeSignal _changed = new();
    private readonly CancellationTokenSource _leaving = new();
    private readonly Dictionary<string, (int Step, int Steps)> _reached = [];
    private TrainerFence? _fence;
    private Task _queue = Task.CompletedTask;
    private Task _examination = Task.CompletedTask;
    private bool _isAsked;
    private bool _isTidy;
    private IGrainTimer? _keepAlive;
    private RunningJob? _running;

    public override async Task OnActivateAsync(CancellationToken cancellationToken)
    {
        if (this.GetPrimaryKeyString() != ITrainerGrain.Key)
        {
            throw new FuseMixException(FailureKind.Invalid, $"There is one trainer, with the key '{ITrainerGrain.Key}'.");
        }

        // Whoever cannot know what is to be done takes nothing from whoever does it.
        await _jobs.Load();
        _fence = await Task.Run(() => TrainerFence.Claim(home, metrics.Fenced), cancellationToken);
        if (_fence.HasOvertaken) LogOvertaken();
        foreach (var jobId in _jobs.Open) _reached[jobId] = await Task.Run(() => training.Reached(jobId), cancellationToken);

        // Jobs that were running or waiting when the last trainer went away go on, but for a node that only looks.
        if (options.ResumesJobs) WorkThroughQueue();
    }

    public override async Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        await _leaving.CancelAsync();
        await _queue;
        metrics.Has([]);
    }

    public async Task<TrainingStatus> Submit(TrainingRequest request)
    {
        var jobId = ResourceName.Require(request.JobId, "job");

        // Written out in full, so that one recipe is one text however it was given, and stays it when a preset changes.
        request = request with { Recipe = TrainingRecipe.Parse(request.Recipe).ToJson() };
        if (await _jobs.Find(jobId) is { } known)
        {
            RequireSame(known.Request, request);
            if (IsGoing(known) || (known.State == JobState.Completed && await Task.Run(() => training.IsMade(request)))) return StatusOf(known);
        }

        await Task.Run(() => training.Check(request));
        await GrainFactory.GetGrain<IJobListGrain>(IJobListGrain.Key).Begun(new JobReference(JobKind.Training, ITrainerGrain.Key));
        var job = await _jobs.Change(jobId, now =>
        {
            if (now is null) return new TrainingJobRecord { Request = request, State = JobState.Queued, SubmittedAt = clock.GetUtcNow() };
            RequireSame(now.Request, request);
            return IsGoing(now) ? now : now with { State = JobState.Queued, Error = null };
        });
        Changed();
        WorkThroughQueue();

        // One that has to wait should not wait for nothing.
        if (_running is { } running && running.JobId != jobId) _examination = Examine(_examination, request);
        return StatusOf(job!);
    }

    public async Task<TrainingStatus> Status(string jobId) => StatusOf(await Find(jobId));

    public async Task<TrainingPage> List(int limit = 100, string? continuation = null)
    {
        if (limit is < 1 or > ITrainerGrain.MostListed)
            throw new FuseMixException(FailureKind.Invalid, $"A page of {limit} trainings cannot be given; it has 1 to {ITrainerGrain.MostListed}.");
        var all = _jobs.All;
        var start = StartOf(all, continuation);
        string[] page = [.. all.Skip(start).Take(limit)];
        var listed = await Task.WhenAll(page.Select(Listed).ToArray());
        var next = start + page.Length < all.Count ? string.Create(CultureInfo.InvariantCulture, $"{start + page.Length}:{page[^1]}") : null;
        return new TrainingPage([.. listed.OfType<TrainingStatus>()], next);
    }

    public Task<bool> Resume()
    {
        WorkThroughQueue();
        return Task.FromResult(_jobs.Open.Count > 0);
    }

    public async Task<TrainingStatus> Cancel(string jobId)
    {
        var job = await Find(jobId);
        if (_running is { } running && running.JobId == jobId)
        {
            await running.Stop.CancelAsync();
            return StatusOf(job);
        }

        job = await _jobs.Change(jobId, now => IsGoing(now) ? now! with { State = JobState.Cancelled } : now);
        Changed();
        return StatusOf(job ?? throw Unknown(jobId));
    }

    public async IAsyncEnumerable<TrainingStatus> Watch(string jobId, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        while (true)
        {
            var next = _changed.Next;
            var status = StatusOf(await Find(jobId));
            yield return status;
            if (status.State.IsOver()) yield break;
            await next.WaitAsync(cancellationToken);
        }
    }

    private void WorkThroughQueue()
    {
        _isAsked = true;
        if (_queue.IsCompleted && !_leaving.IsCancellationRequested) _queue = RunQueue();
    }

    /// <summary>Works until nothing is left, or something stands in the way: whoever asks for the trainer next lets it try again.</summary>
    private async Task RunQueue()
    {
        // It goes on for long after the call that began it; each job is a trace of its own.
        Activity.Current = null;
        try
        {
            while (!_leaving.IsCancellationRequested && _isAsked)
            {
                _isAsked = false;
                while (!_leaving.IsCancellationRequested && await NextJob() is { } job)
                {
                    _keepAlive ??= this.RegisterGrainTimer(
                        _ => Task.CompletedTask, new GrainTimerCreationOptions(KeepAlive, KeepAlive) { KeepAlive = true, Interleave = true });
                    await Run(job);
                }
            }
        }
        catch (Exception failure) when (failure is not OutOfMemoryException)
        {
            LogHeldUp(failure);

            // Somebody else is the trainer now.
            if (failure is InconsistentStateException || _fence!.IsLost) await Leave();
        }

        _keepAlive?.Dispose();
        _keepAlive = null;
    }

    private async Task<TrainingJobRecord?> NextJob()
    {
        var open = await _jobs.Settle(LogUnreadable);
        metrics.Has(open);
        if (!_isTidy)
        {
            // A trainer may have ended between the record of a job's end and the removal of what it would have gone on from.
            foreach (var jobId in await Task.Run(training.WithCheckpoints))
                if (await _jobs.Find(jobId) is { State: JobState.Completed }) await Clean(jobId);
            _isTidy = true;
        }

        return open.FirstOrDefault(job => job.State == JobState.Running) ?? (open.Count > 0 ? open[0] : null);
    }

    private async Task Run(TrainingJobRecord job)
    {
        var jobId = job.Request.JobId;
        using var running = new RunningJob(jobId, _leaving.Token);
        _running = running;
        try
        {
            if (!await Task.Run(_fence!.Holds)) throw new FuseMixException(FailureKind.Conflict, "Another trainer has taken over.");

            _reached[jobId] = await Task.Run(() => training.Reached(jobId));

            // Where this cannot be written, the job waits on: it has not been tried.
            var begun = await _jobs.Change(jobId, now => IsGoing(now) ? now! with { State = JobState.Running, Error = null } : now);

            // It was chosen while its cancelling was being written.
            if (begun?.State != JobState.Running) return;
            Changed();
            LogStarted(jobId, job.Request.Model);
            await RecordEnd(running, await Work(begun, running));
        }
        finally
        {
            _running = null;
            _reached.Remove(jobId);
            Changed();
        }
    }

    private async Task<RunEnd> Work(TrainingJobRecord job, RunningJob running)
    {
        try
        {
            var model = await Task.Factory.StartNew(
                () => TrainingMetrics.Trace(job.Request, () => training.Run(job, _fence!, progress => Publish(running, progress), running.Stop.Token)),
                CancellationToken.None,
                TaskCreationOptions.LongRunning,
                TaskScheduler.Default);
            return new RunEnd(JobState.Completed, null, model);
        }
        catch (OperationCanceledException)
        {
            // A trainer that leaves its node has not been cancelled: the job stays running, for the next one to go on with.
            return new RunEnd(_leaving.IsCancellationRequested ? JobState.Running : JobState.Cancelled, null, null);
        }
        catch (Exception failure) when (failure is not OutOfMemoryException)
        {
            LogFailed(failure, job.Request.JobId);
            return new RunEnd(JobState.Failed, (failure as FuseMixException)?.Advice ?? failure.Message, null);
        }
    }

    private async Task RecordEnd(RunningJob running, RunEnd end)
    {
        try
        {
            // Whoever took over has the job now, and says how it ends: this trainer neither writes nor goes on.
            if (_fence!.IsLost) throw new FuseMixException(FailureKind.Conflict, end.Error ?? "Another trainer has taken over.");
            await _jobs.Change(running.JobId, now =>
            {
                var reached = running.Progress is { } last ? now?.At(last) : end.Model is { } model ? now?.At(model) : now;
                return reached is null ? null : reached with { State = end.State, Error = end.Error };
            });
        }
        catch (Exception failure) when (failure is not OutOfMemoryException)
        {
            // Model and checkpoints stand, so the next activation finds the job running and ends it.
            LogNotRecorded(failure, running.JobId);
            await Leave();
            return;
        }

        LogEnded(running.JobId, end.State);
        if (end.State == JobState.Completed) await Clean(running.JobId);
        await ForgetOldest();
    }

    /// <summary>Removes what a job would go on from. What stays, another activation removes.</summary>
    private async Task Clean(string jobId)
    {
        try
        {
            await Task.Run(() => training.RemoveCheckpoints(jobId, _fence!));
        }
        catch (Exception failure) when (failure is not OutOfMemoryException)
        {
            LogNotCleaned(failure, jobId);
        }
    }

    /// <summary>Forgets the jobs that ended first where too many are remembered. What stays, the end of another job removes.</summary>
    private async Task ForgetOldest()
    {
        try
        {
            await _jobs.Forget(options.TrainingsKept, jobId => Task.Run(() => training.RemoveCheckpoints(jobId, _fence!)));
        }
        catch (Exception failure) when (failure is not OutOfMemoryException)
        {
            LogNotForgotten(failure);
        }
    }

    /// <summary>Fails a job that waits where its data do not serve it; whatever else is in the way, the run itself meets again.</summary>
    private async Task Examine(Task before, TrainingRequest request)
    {
        await before;
        try
        {
            await Task.Run(() => training.Examine(request));
        }
        catch (FuseMixException refusal) when (refusal.Kind is FailureKind.Invalid or FailureKind.NotFound)
        {
            await Refuse(request.JobId, refusal);
        }
        catch (Exception failure) when (failure is not OutOfMemoryException)
        {
            LogNotExamined(failure, request.JobId);
        }
    }

    private async Task Refuse(string jobId, FuseMixException refusal)
    {
        try
        {
            await _jobs.Change(jobId, now => now is { State: JobState.Queued } ? now with { State = JobState.Failed, Error = refusal.Advice } : now);
            LogFailed(refusal, jobId);
            Changed();
        }
        catch (Exception failure) when (failure is not OutOfMemoryException)
        {
            LogNotExamined(failure, jobId);
        }
    }

    private async Task Leave()
    {
        await _leaving.CancelAsync();
        DeactivateOnIdle();
    }

    private void Changed()
    {
        metrics.Has(_jobs.OpenAsRead());
        _changed.Raise();
    }

    private void Publish(RunningJob running, TrainingProgress progress)
    {
        running.Progress = progress;
        _changed.Raise();
    }

    private async Task<TrainingJobRecord> Find(string jobId) => await _jobs.Find(jobId) ?? throw Unknown(jobId);

    private FuseMixException Unknown(string jobId) => FuseMixException.UnknownName("training job", jobId, _jobs.All);

    /// <summary>The status of a job of the list; null where it is gone.</summary>
    private async Task<TrainingStatus?> Listed(string jobId)
    {
        try
        {
            return await _jobs.Find(jobId) is { } job ? StatusOf(job) : null;
        }
        catch (FuseMixException unreadable)
        {
            return new TrainingStatus(jobId, "", JobState.Unknown, 0, 0, double.NaN, 0, 0, 0, null, 0, default, unreadable.Advice);
        }
    }

    private TrainingStatus StatusOf(TrainingJobRecord job)
    {
        var jobId = job.Request.JobId;
        var live = _running is { } running && running.JobId == jobId ? running.Progress : null;

        // Until the first step of a run is done, the job stands where its checkpoint does.
        var at = live is not null ? job.At(live) : job.State == JobState.Running && _reached.TryGetValue(jobId, out var reached) ? job.At(reached) : job;
        return new TrainingStatus(
            jobId,
            job.Request.Model,
            job.State,
            at.Step,
            at.Steps,
            at.Loss ?? double.NaN,
            at.LearningRate,
            at.Temperature,
            at.PairsPerSecond,
            live?.Remaining,
            at.ResumedFrom,
            job.SubmittedAt,
            job.Error,
            job.Request.Dataset,
            at.Epoch,
            at.Epochs,
            at.Validation);
    }

    private static bool IsGoing(TrainingJobRecord? job) => job is { State: JobState.Queued or JobState.Running };

    private static int StartOf(IReadOnlyList<string> all, string? continuation)
    {
        if (continuation is null) return 0;
        var colon = continuation.IndexOf(':', StringComparison.Ordinal);
        if (colon < 1 || !int.TryParse(continuation.AsSpan(0, colon), NumberStyles.None, CultureInfo.InvariantCulture, out var position))
            throw new FuseMixException(FailureKind.Invalid, "The continuation is not one that a page of trainings named.", "Give 'next' of the page before, as it is.");
        var last = all.Index().Where(entry => entry.Item == continuation[(colon + 1)..]).Select(entry => entry.Index).DefaultIfEmpty(-1).First();

        // A job that is forgotten was at the end of the list, and so is the place where it was.
        return last >= 0 ? last + 1 : Math.Min(position, all.Count);
    }

    private static void RequireSame(TrainingRequest known, TrainingRequest request)
    {
        var isSame = known.Model == request.Model && known.Dataset == request.Dataset && known.Seed == request.Seed && known.Fold == request.Fold
            && known.Encoders.Count == request.Encoders.Count
            && known.Encoders.All(entry => request.Encoders.GetValueOrDefault(entry.Key) == entry.Value)
            && (known.Recipe == request.Recipe || TrainingRecipe.Parse(known.Recipe).Fingerprint() == TrainingRecipe.Parse(request.Recipe).Fingerprint());
        if (!isSame)
        {
            throw new FuseMixException(
                FailureKind.Conflict, $"Training job '{request.JobId}' was submitted before, for something else.", "Give another job id.");
        }
    }

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

    [LoggerMessage(2008, LogLevel.Warning, "The trainer is held up, and tries again when it is next asked")]
    private partial void LogHeldUp(Exception failure);

    [LoggerMessage(2009, LogLevel.Warning, "Training job {Job} waits: its record cannot be read")]
    private partial void LogUnreadable(string job, Exception failure);

    [LoggerMessage(2010, LogLevel.Warning, "The checkpoints of training job {Job}, which is over, could not be removed yet")]
    private partial void LogNotCleaned(Exception failure, string job);

    [LoggerMessage(2011, LogLevel.Warning, "Training jobs that ended long ago could not be forgotten yet")]
    private partial void LogNotForgotten(Exception failure);

    [LoggerMessage(2012, LogLevel.Warning, "Whether the data serve training job {Job} shows when it runs")]
    private partial void LogNotExamined(Exception failure, string job);

    /// <summary>How a run ended, and what its model tells where it made or found one.</summary>
    private sealed record RunEnd(JobState State, string? Error, ModelOrigin? Model);

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
