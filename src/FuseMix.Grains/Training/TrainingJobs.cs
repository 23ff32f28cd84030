using FuseMix.Contracts;
using FuseMix.Contracts.Training;
using Orleans;
using Orleans.Runtime;
using Orleans.Storage;

namespace FuseMix.Grains.Training;

/// <summary>The trainer's jobs as they are stored: a record each, and a small one of their ids.</summary>
/// <remarks>
/// <para>A job is listed before its record is written, and until after that is removed: an id without a record stands for nothing, and no
/// record is ever without its id. Where a record and the list differ on whether the job is over, the record is right.</para>
/// <para>For one grain, in its turns. What could not be written is read anew: nobody knows what is stored then.</para>
/// </remarks>
internal sealed class TrainingJobs(IGrainStorage storage)
{
    private const string IdsName = "training-jobs";
    private const string JobName = "training-job";

    private readonly SemaphoreSlim _gate = new(1);
    private readonly Dictionary<string, Task<GrainState<TrainingJobRecord>>> _jobs = [];
    private GrainState<TrainerRecord> _ids = new(new TrainerRecord());
    private bool _idsMayDiffer = true;

    private TrainerRecord Ids => _ids.State!;

    /// <summary>Ids of the jobs that are queued or running, in the order of submission.</summary>
    public IReadOnlyList<string> Open => Ids.Open;

    /// <summary>Every id: those that wait, the one submitted last first; the one that runs; and those that are over, the one that ended
    /// last first.</summary>
    public IReadOnlyList<string> All => [.. Ids.Open.Reverse(), .. Ids.Ended.Reverse()];

    /// <summary>Reads the list of jobs.</summary>
    /// <exception cref="FuseMixException">It cannot be read.</exception>
    public async Task Load()
    {
        await _gate.WaitAsync();
        try
        {
            await ReadIds();
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>The job of that id; null where there is none.</summary>
    /// <exception cref="FuseMixException">Its record cannot be read.</exception>
    public async Task<TrainingJobRecord?> Find(string jobId)
    {
        // Ids that nobody submitted are not asked for in the storage, and not kept.
        if (!Ids.Open.Contains(jobId) && !Ids.Ended.Contains(jobId)) return null;
        return await Read(jobId) is { RecordExists: true } stored ? stored.State : null;
    }

    /// <summary>The jobs that are queued or running, as far as their records have been read.</summary>
    public IEnumerable<TrainingJobRecord> OpenAsRead()
    {
        foreach (var jobId in Ids.Open)
        {
            if (_jobs.TryGetValue(jobId, out var job)
                && job is { IsCompletedSuccessfully: true, Result: { RecordExists: true, State: { } state } })
                yield return state;
        }
    }

    /// <summary>Changes a job, or adds one, and makes that durable before it is seen.</summary>
    /// <param name="jobId">Its id.</param>
    /// <param name="change">Gives the job as it shall be, from what it is; null where there is none yet. The same one changes
    /// nothing.</param>
    /// <returns>The job as it is now; null where there is none.</returns>
    public async Task<TrainingJobRecord?> Change(string jobId, Func<TrainingJobRecord?, TrainingJobRecord?> change)
    {
        await _gate.WaitAsync();
        try
        {
            if (_idsMayDiffer) await ReadIds();
            var stored = await Read(jobId);
            var before = stored.RecordExists ? stored.State : null;
            var after = change(before);
            if (after is null || ReferenceEquals(after, before)) return before;
            if (!after.State.IsOver()) await List(jobId, isOver: false);
            await Write(jobId, new GrainState<TrainingJobRecord>(after, stored.ETag) { RecordExists = stored.RecordExists });
            if (after.State.IsOver()) await List(jobId, isOver: true);
            return after;
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>Takes ids off the list of open jobs whose records say otherwise, as a crash between two writes leaves them.</summary>
    /// <param name="unreadable">Told of jobs whose records cannot be read; they stay listed.</param>
    /// <returns>The jobs that are queued or running, in the order of submission.</returns>
    public async Task<IReadOnlyList<TrainingJobRecord>> Settle(Action<string, FuseMixException> unreadable)
    {
        await _gate.WaitAsync();
        try
        {
            if (_idsMayDiffer) await ReadIds();
            var (jobs, open, ended) = (new List<TrainingJobRecord>(), new List<string>(), Ids.Ended.ToList());
            foreach (var jobId in Ids.Open)
            {
                try
                {
                    var stored = await Read(jobId);
                    if (!stored.RecordExists) continue;
                    (stored.State!.State.IsOver() ? ended : open).Add(jobId);
                    if (!stored.State.State.IsOver()) jobs.Add(stored.State);
                }
                catch (FuseMixException failure)
                {
                    unreadable(jobId, failure);
                    open.Add(jobId);
                }
            }

            if (open.Count < Ids.Open.Length) await WriteIds(new TrainerRecord { Open = [.. open], Ended = [.. ended] });
            return jobs;
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>Forgets the jobs that ended first, down to so many that are over.</summary>
    /// <param name="kept">How many to keep.</param>
    /// <param name="clean">Removes what else there is of a job, before it is forgotten.</param>
    public async Task Forget(int kept, Func<string, Task> clean)
    {
        await _gate.WaitAsync();
        try
        {
            if (_idsMayDiffer) await ReadIds();
            var surplus = Ids.Ended.Take(Math.Max(0, Ids.Ended.Length - kept)).ToArray();
            if (surplus.Length == 0) return;
            foreach (var jobId in surplus)
            {
                await clean(jobId);
                var stored = await Read(jobId);
                _jobs.Remove(jobId);
                if (stored.RecordExists) await storage.ClearStateAsync(JobName, IdOf(jobId), stored);
            }

            await WriteIds(Ids with { Ended = Ids.Ended[surplus.Length..] });
        }
        finally
        {
            _gate.Release();
        }
    }

    private static GrainId IdOf(string jobId) => GrainId.Create(JobName, jobId);

    private Task List(string jobId, bool isOver)
    {
        var (open, ended) = (Ids.Open, Ids.Ended);
        if ((isOver ? ended : open).Contains(jobId)) return Task.CompletedTask;
        open = [.. open.Where(id => id != jobId)];
        ended = [.. ended.Where(id => id != jobId)];
        return WriteIds(
            isOver
                ? new TrainerRecord { Open = open, Ended = [.. ended, jobId] }
                : new TrainerRecord { Open = [.. open, jobId], Ended = ended });
    }

    private async Task ReadIds()
    {
        var ids = new GrainState<TrainerRecord>(new TrainerRecord());
        try
        {
            await storage.ReadStateAsync(IdsName, GrainId.Create("trainer", ITrainerGrain.Key), ids);
        }
        catch (Exception failure) when (failure is not OutOfMemoryException)
        {
            throw Unreadable($"The list of training jobs (state '{IdsName}' of grain trainer/{ITrainerGrain.Key})", failure);
        }

        (_ids, _idsMayDiffer) = (ids, false);
    }

    private async Task WriteIds(TrainerRecord ids)
    {
        var next = new GrainState<TrainerRecord>(ids, _ids.ETag) { RecordExists = _ids.RecordExists };
        _idsMayDiffer = true;
        await storage.WriteStateAsync(IdsName, GrainId.Create("trainer", ITrainerGrain.Key), next);
        (_ids, _idsMayDiffer) = (next, false);
    }

    private Task<GrainState<TrainingJobRecord>> Read(string jobId)
    {
        if (_jobs.TryGetValue(jobId, out var known) && !known.IsFaulted) return known;
        return _jobs[jobId] = FromStorage();

        async Task<GrainState<TrainingJobRecord>> FromStorage()
        {
            var stored = new GrainState<TrainingJobRecord>();
            try
            {
                await storage.ReadStateAsync(JobName, IdOf(jobId), stored);
                return stored;
            }
            catch (Exception failure) when (failure is not OutOfMemoryException)
            {
                throw Unreadable($"The record of training job '{jobId}' (state '{JobName}' of grain {JobName}/{jobId})", failure);
            }
        }
    }

    private async Task Write(string jobId, GrainState<TrainingJobRecord> next)
    {
        try
        {
            await storage.WriteStateAsync(JobName, IdOf(jobId), next);
            _jobs[jobId] = Task.FromResult(next);
        }
        catch
        {
            _jobs.Remove(jobId);
            throw;
        }
    }

    private static FuseMixException Unreadable(string what, Exception failure) => failure as FuseMixException ?? new FuseMixException(
        FailureKind.Unavailable,
        $"{what} cannot be read: {failure.Message}",
        "Where the storage of grain state answers, the record is damaged or of another version: restore it, or delete it; models and "
            + "checkpoints stay.",
        failure);
}
