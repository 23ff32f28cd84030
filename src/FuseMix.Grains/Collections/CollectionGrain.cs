using System.Diagnostics;
using System.Runtime.CompilerServices;
using FuseMix.Contracts;
using FuseMix.Contracts.Collections;
using FuseMix.Contracts.Jobs;
using FuseMix.Grains.Cluster;
using FuseMix.Grains.Home;
using FuseMix.Grains.Jobs;
using FuseMix.Grains.Placement;
using FuseMix.Grains.State;
using FuseMix.Retrieval.Generations;
using Microsoft.Extensions.Logging;
using Orleans;
using Orleans.Runtime;

namespace FuseMix.Grains.Collections;

/// <summary>What survives the node: the build that should be running, or how the last one ended. What is live stands on disk.</summary>
[GenerateSerializer, Alias("fusemix.CollectionRecord")]
public sealed class CollectionRecord
{
    /// <summary>What is or was being built; null where nothing ever was.</summary>
    [Id(0)]
    public CollectionBuild? Build { get; set; }

    /// <summary>Where the build stands.</summary>
    [Id(1)]
    public JobState State { get; set; }

    /// <summary>Why it failed; null otherwise.</summary>
    [Id(2)]
    public string? Error { get; set; }

    /// <summary>The generation that it made; null before.</summary>
    [Id(3)]
    public string? Generation { get; set; }

    /// <summary>Whether that was there already.</summary>
    [Id(4)]
    public bool Reused { get; set; }

    /// <summary>Items to embed; 0 where that was not known before it ended.</summary>
    [Id(5)]
    public long Items { get; set; }

    /// <summary>Items embedded when it ended.</summary>
    [Id(6)]
    public long ItemsDone { get; set; }

    /// <summary>How long it took.</summary>
    [Id(7)]
    public TimeSpan Elapsed { get; set; }
}

[IndexPlacement]
[GrainType("collection")]
internal sealed partial class CollectionGrain(
    [PersistentState("collection", GrainStorage.Name)] IPersistentState<CollectionRecord> record,
    CollectionStore collections,
    CollectionBuilder builder,
    UnusedContents unused,
    NodeOptions options,
    TimeProvider clock,
    ILogger<CollectionGrain> logger) : Grain, ICollectionGrain
{
    /// <summary>Generations to keep beside the live one, for rolling back.</summary>
    private const int Kept = 2;

    /// <summary>How long a start waits to see whether there is anything to build. Where that takes longer, the answer is that it
    /// runs.</summary>
    private static readonly TimeSpan CheckPatience = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan KeepAlive = TimeSpan.FromMinutes(1);

    private readonly SerialState<CollectionRecord> _state = new(record);
    private readonly ChangeSignal _changed = new();
    private CollectionStatus? _status;
    private int _changes;
    private Task _accepting = Task.CompletedTask;
    private RunningBuild? _running;

    private string Name => this.GetPrimaryKeyString();

    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        // The node that built is gone: what it wrote is garbage, and the build begins anew.
        if (options.ResumesJobs && _state.Value is { State: JobState.Running, Build: { } request }) Run(request);
        return Task.CompletedTask;
    }

    public override async Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        if (_running is not { } running) return;
        running.IsLeaving = true;
        await running.Stop.CancelAsync();
        await running.Work;
    }

    public async Task<BuildStatus> StartBuild(CollectionBuild request)
    {
        _ = ResourceName.Require(Name, "collection");
        if (_running is { } running)
        {
            return running.Request == request ? Snapshot() : throw new FuseMixException(
                FailureKind.Conflict,
                $"Collection '{Name}' is being built from dataset '{running.Request.Dataset}' and fusion model '{running.Request.Model}'.",
                "Wait until that build has ended, or cancel it.");
        }

        await (_accepting = Accept(request));
        return Snapshot();
    }

    public Task<BuildStatus> BuildStatus() => Task.FromResult(Snapshot());

    public async Task<BuildStatus> CancelBuild()
    {
        // A start that is being recorded is one that can be cancelled.
        await _accepting.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        if (_running is { } running)
        {
            await running.Stop.CancelAsync();
            await running.Work;
        }

        return Snapshot();
    }

    public async IAsyncEnumerable<BuildStatus> WatchBuild([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        while (true)
        {
            var next = _changed.Next;
            var status = Snapshot();
            yield return status;
            if (status.State != JobState.Running) yield break;
            await next.WaitAsync(cancellationToken);
        }
    }

    public async Task<CollectionStatus> Status()
    {
        while (true)
        {
            // Every change goes through this grain, so what it remembers is what is live.
            if (_status is { } known) return known;
            var changes = _changes;
            var found = await Task.Run(() => Describe(collections, Live()));

            // It interleaves with changes: what was read before one of them must not be remembered after it.
            if (changes == _changes) return _status = found;
        }
    }

    public async Task<CollectionStatus> GoLive(string generation)
    {
        var status = await Task.Run(() =>
        {
            if (collections.Damage(collections.Manifest(Name, generation), lengthsOnly: true).FirstOrDefault() is { } damage)
            {
                throw new FuseMixException(
                    FailureKind.Corrupt, $"Generation '{generation}' of collection '{Name}' cannot go live: {damage.Message}", "Build the collection again.", damage);
            }

            return Describe(collections, collections.MakeLive(Name, generation));
        });
        Forget();
        return _status = status;
    }

    public async Task Drop()
    {
        await CancelBuild();
        Forget();

        // Safe to repeat: what is gone need not be dropped again.
        await Task.Run(() =>
        {
            if (!collections.Collections().Contains(Name)) return;
            collections.Drop(Name);
            unused.Collect();
        });
        Forget();
    }

    private JobReference Me => new(JobKind.Build, Name);

    private async Task Accept(CollectionBuild request)
    {
        // Refuse now what would fail later: unknown names, missing latents. Large latent sets take longer to check than a call may.
        var check = Task.Run(() => builder.Reuse(Name, request));
        await Task.WhenAny(check, Task.Delay(CheckPatience, clock));
        var live = check.IsCompleted ? await check : null;
        Forget();
        if (live is null) await GrainFactory.GetGrain<IJobListGrain>(IJobListGrain.Key).Begun(Me);
        await Record(state =>
        {
            state.State = live is null ? JobState.Running : JobState.Completed;
            (state.Build, state.Error, state.Generation, state.Reused) = (request, null, live?.Generation, live is not null);
            (state.Items, state.ItemsDone, state.Elapsed) = (live?.Count ?? 0, live?.Count ?? 0, TimeSpan.Zero);
            return true;
        });
        if (live is null) Run(request, check);
    }

    private void Run(CollectionBuild request, Task<GenerationManifest?>? check = null)
    {
        var running = new RunningBuild(request, clock.GetTimestamp());
        _running = running;
        running.Work = Work(running, check);
    }

    private async Task Work(RunningBuild running, Task<GenerationManifest?>? check)
    {
        // It goes on for long after the call that began it, and is a trace of its own.
        Activity.Current = null;
        using var keepAlive = this.RegisterGrainTimer(
            () => Task.CompletedTask, new GrainTimerCreationOptions(KeepAlive, KeepAlive) { KeepAlive = true, Interleave = true });
        var (state, error, generation, reused, count) = (JobState.Completed, (string?)null, (string?)null, false, (long?)null);
        try
        {
            var live = check is null ? null : await check.WaitAsync(running.Stop.Token);
            (var manifest, reused) = live is not null ? (live, true) : await Task.Factory.StartNew(
                () => IndexMetrics.TraceBuild(Name, () => builder.Build(Name, running.Request, Publish, running.Stop.Token)),
                CancellationToken.None,
                TaskCreationOptions.LongRunning,
                TaskScheduler.Default);
            (generation, count) = (manifest.Generation, manifest.Count);
            LogBuilt(Name, generation, manifest.Count);
            Forget();
            await Task.Run(() =>
            {
                collections.CollectGarbage(Name, Kept);
                unused.Collect();
            });
        }
        catch (OperationCanceledException)
        {
            // A build that leaves its node has not been cancelled: it stays running, for the next activation to begin anew.
            state = running.IsLeaving ? JobState.Running : JobState.Cancelled;
        }
        catch (Exception failure) when (failure is not OutOfMemoryException)
        {
            (state, error) = (JobState.Failed, (failure as FuseMixException)?.Advice ?? failure.Message);
            LogFailed(failure, Name);
        }

        try
        {
            if (state != JobState.Running)
            {
                await Record(current =>
                {
                    var (done, all) = running.Progress;
                    (current.State, current.Error, current.Generation, current.Reused) = (state, error, generation, reused);
                    (current.Items, current.ItemsDone, current.Elapsed) = (count ?? all, count ?? done, clock.GetElapsedTime(running.StartedAt));
                    return true;
                });
                await GrainFactory.GetGrain<IJobListGrain>(IJobListGrain.Key).Ended(Me);
            }
        }
        catch (Exception failure) when (failure is not OutOfMemoryException)
        {
            // The next activation finds the build running, and its generation live.
            LogNotRecorded(failure, Name);
        }
        finally
        {
            _running = null;
            Forget();
            _changed.Raise();
        }

        void Publish(long done, long all)
        {
            running.Report(done, all);
            _changed.Raise();
        }
    }

    private BuildStatus Snapshot()
    {
        // It is over only when nothing of it is left to do: who sees the end may begin anew at once, and must not be taken for a watcher.
        if (_running is { } running)
        {
            var (done, all) = running.Progress;
            return new BuildStatus(Name, running.Request, JobState.Running, all, done, null, false, clock.GetElapsedTime(running.StartedAt), null);
        }

        var last = _state.Value;
        return new BuildStatus(Name, last.Build, last.State, last.Items, last.ItemsDone, last.Generation, last.Reused, last.Elapsed, last.Error);
    }

    /// <summary>Makes a change durable. Where that fails, nobody knows what is stored: the grain leaves, and the next call reads it.</summary>
    private async Task Record(Func<CollectionRecord, bool> change)
    {
        try
        {
            await _state.Change(change);
        }
        catch
        {
            DeactivateOnIdle();
            throw;
        }
    }

    private void Forget()
    {
        _changes++;
        _status = null;
    }

    private GenerationManifest Live() => collections.Live(Name)
        ?? throw new FuseMixException(FailureKind.Conflict, $"Collection '{Name}' has no live generation.", $"Build one: fusemix collections build {Name}.");

    /// <summary>What a collection holds whose live generation is this one.</summary>
    public static CollectionStatus Describe(CollectionStore collections, GenerationManifest manifest) => new(
        manifest.Collection,
        manifest.Generation,
        manifest.Model,
        manifest.ModelFingerprint,
        manifest.Dataset,
        manifest.Dimension,
        [.. manifest.Shards.Select(shard => new ShardStatus(shard.Name, shard.Modality, shard.Count))],
        [.. collections.List(manifest.Collection)]);

    [LoggerMessage(3001, LogLevel.Information, "Collection {Collection} has the live generation {Generation} with {Count} items")]
    private partial void LogBuilt(string collection, string generation, long count);

    [LoggerMessage(3002, LogLevel.Error, "The build of collection {Collection} failed")]
    private partial void LogFailed(Exception failure, string collection);

    [LoggerMessage(3003, LogLevel.Error, "The end of the build of collection {Collection} could not be recorded")]
    private partial void LogNotRecorded(Exception failure, string collection);

    private sealed class RunningBuild(CollectionBuild request, long startedAt)
    {
        private (long Done, long All) _progress;
        private readonly Lock _gate = new();

        public CollectionBuild Request => request;

        public long StartedAt => startedAt;

        public CancellationTokenSource Stop { get; } = new();

        /// <summary>Whether the grain leaves its node, rather than the build being cancelled.</summary>
        public bool IsLeaving { get; set; }

        public Task Work { get; set; } = Task.CompletedTask;

        public (long Done, long All) Progress
        {
            get
            {
                lock (_gate) return _progress;
            }
        }

        /// <summary>Called by the building thread.</summary>
        public void Report(long done, long all)
        {
            lock (_gate) _progress = (done, all);
        }
    }
}
