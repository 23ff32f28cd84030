using FuseMix.Contracts;
using FuseMix.Grains.Cluster;
using FuseMix.Grains.Tests.Clusters;
using FuseMix.Grains.Training;
using FuseMix.Testing.Clusters;
using FuseMix.Training;
using Microsoft.Extensions.DependencyInjection;

namespace FuseMix.Grains.Tests.Training;

/// <summary>Trainers whose node dies, stops or loses its storage in the middle of a job.</summary>
public sealed class TrainerFaultTests(PreparedHome prepared)
{
    private readonly TrainingStage _stage = new();

    [Fact]
    public async Task When_the_trainers_node_dies_the_other_one_resumes_and_makes_the_very_same_model()
    {
        using var home = prepared.Copy();
        await using var cluster = await TestCluster.StartAsync(home, ["train@left"], configure: _stage.Configure);
        await cluster.Train(PreparedHome.Request("straight", "straight", 7));
        var hold = _stage.HoldAt(7, 8);
        await cluster.Trainer.Submit(PreparedHome.Request("cut", "cut", 7));
        await hold.Reached;
        await cluster.AddAsync("gateway+train@right");
        var zombie = _stage.Runs.Last();
        Assert.Equal("left", zombie.Node);

        await cluster.KillAsync("train@left");
        var heir = _stage.HoldAt(7, 9);
        var takenOver = await cluster.Trainer.Status("cut");
        Assert.Equal(JobState.Running, takenOver.State);
        Assert.InRange(takenOver.Step, 6, 9);
        Assert.Equal((40, 6), (takenOver.Steps, takenOver.ResumedFrom));
        await heir.Reached;
        var status = await cluster.Trainer.Status("cut");
        Assert.Equal((9, 6), (status.Step, status.ResumedFrom));
        Assert.Equal("right", _stage.Runs.Last().Node);

        // The dead node's thread wakes up: its next checkpoint is refused, and it ends.
        var checkpoint = Directory.EnumerateFiles(Path.Combine(home.Home.Runs, "cut"))
            .ToDictionary(path => path, path => Fingerprint.Of(File.ReadAllBytes(path)));
        hold.Release();
        var refusal = Assert.IsType<FuseMixException>(await zombie.Ended);
        Assert.Equal(FailureKind.Conflict, refusal.Kind);
        Assert.Contains("Another trainer has taken over", refusal.Message, StringComparison.Ordinal);
        Assert.All(checkpoint, file => Assert.Equal(file.Value, Fingerprint.Of(File.ReadAllBytes(file.Key))));

        heir.Release();
        var end = await cluster.EndOf("cut");
        Assert.Equal((JobState.Completed, 40, 6), (end.State, end.Step, end.ResumedFrom));
        Assert.Equal(home.Model("straight").Fingerprint, home.Model("cut").Fingerprint);
        Assert.Equal(Weights(home, "straight"), Weights(home, "cut"));
    }

    [Fact]
    public async Task A_device_that_does_not_train_is_said_to_who_asks_for_a_training_and_keeps_nothing_else_from_the_trainer()
    {
        using var home = prepared.Copy();
        await using var cluster = await TestCluster.StartAsync(
            home,
            ["train@left"],
            configure: (silo, _) => silo.Services.AddSingleton<IFusionTrainer>(
                _ => throw new FuseMixException(FailureKind.Unavailable, "libtorch does not load.", "Build without it.")));
        var refusal = await Assert.ThrowsAsync<FuseMixException>(() => cluster.Trainer.Submit(PreparedHome.Request("job", "model", 7)));
        Assert.Equal((FailureKind.Unavailable, "libtorch does not load.", "Build without it."), (refusal.Kind, refusal.Message, refusal.Remedy));
        Assert.Empty(await cluster.Trainings());
    }

    [Fact]
    public async Task A_dead_trainer_that_comes_to_the_end_of_its_job_cannot_write_the_model()
    {
        using var home = prepared.Copy();
        await using var cluster = await StartRarelySaving(home);
        var hold = _stage.HoldAt(7, 40);
        await cluster.Trainer.Submit(PreparedHome.Request("cut", "cut", 7));
        await hold.Reached;
        await cluster.AddAsync("train@right");
        var zombie = _stage.Runs.Last();
        await cluster.KillAsync("train@left");
        var heir = _stage.HoldAt(7, 1);
        await cluster.Trainings();
        await heir.Reached;

        hold.Release();
        Assert.IsType<FuseMixException>(await zombie.Ended);
        Assert.False(home.Models.Contains("cut"));
        heir.Release();
        Assert.Equal(JobState.Completed, (await cluster.EndOf("cut")).State);
    }

    [Fact]
    public async Task A_trainer_that_leaves_in_order_writes_a_checkpoint_for_the_next_one()
    {
        using var home = prepared.Copy();
        await using var cluster = await StartRarelySaving(home);
        var hold = _stage.HoldAt(7, 5);
        await cluster.Trainer.Submit(PreparedHome.Request("cut", "cut", 7));
        await hold.Reached;
        await cluster.AddAsync("train@right");
        var first = _stage.Runs.Last();
        var stopping = cluster.StopAsync("train@left");
        await first.ToldToStop;
        var heir = _stage.HoldAt(7, 40);

        hold.Release();
        await stopping.WaitAsync(Patience.Long, TestContext.Current.CancellationToken);
        Assert.IsAssignableFrom<OperationCanceledException>(await first.Ended);
        Assert.Equal(JobState.Running, (await cluster.Trainer.Status("cut")).State);
        await heir.Reached;
        Assert.InRange((await cluster.Trainer.Status("cut")).ResumedFrom, 5, 39);
        heir.Release();
        Assert.Equal(JobState.Completed, (await cluster.EndOf("cut")).State);
    }

    [Fact]
    public async Task Jobs_that_waited_when_the_trainer_died_are_worked_through_by_the_next_one()
    {
        using var home = prepared.Copy();
        await using var cluster = await TestCluster.StartAsync(home, ["train@left"], configure: _stage.Configure);
        var hold = _stage.HoldAt(11, 1);
        await cluster.Trainer.Submit(PreparedHome.Request("a", "model-a", 11, 5));
        await hold.Reached;
        await cluster.Trainer.Submit(PreparedHome.Request("b", "model-b", 12, 5));
        await cluster.AddAsync("train@right");
        await cluster.KillAsync("train@left");
        Assert.Equal(JobState.Completed, (await cluster.EndOf("b")).State);
        Assert.Equal(JobState.Completed, (await cluster.Trainer.Status("a")).State);
        hold.Release();
        Assert.Equal([11UL, 11UL, 12UL], _stage.Runs.Select(run => run.Seed));
    }

    [Fact]
    public async Task A_job_that_could_not_be_recorded_can_be_submitted_again_and_disturbs_nobody()
    {
        using var home = prepared.Copy();
        var storage = new FaultyStorage();
        await using var cluster = await StartOn(home, storage);
        var hold = _stage.HoldAt(11, 1);
        await cluster.Trainer.Submit(PreparedHome.Request("a", "model-a", 11, 5));
        await hold.Reached;

        storage.IsDown = true;
        await Assert.ThrowsAnyAsync<Exception>(() => cluster.Trainer.Submit(PreparedHome.Request("b", "model-b", 12, 5)));
        Assert.Equal(["a"], (await cluster.Trainings()).Select(job => job.JobId));
        storage.IsDown = false;
        Assert.Equal(JobState.Queued, (await cluster.Trainer.Submit(PreparedHome.Request("b", "model-b", 12, 5))).State);

        storage.IsDown = true;
        await Assert.ThrowsAnyAsync<Exception>(() => cluster.Trainer.Cancel("b"));
        Assert.Equal(JobState.Queued, (await cluster.Trainer.Status("b")).State);
        storage.IsDown = false;
        hold.Release();
        Assert.Equal(JobState.Completed, (await cluster.EndOf("a")).State);
        Assert.Equal(JobState.Completed, (await cluster.EndOf("b")).State);
    }

    [Fact]
    public async Task A_job_that_is_cancelled_while_the_one_before_it_ends_never_runs()
    {
        using var home = prepared.Copy();
        var storage = new FaultyStorage();
        await using var cluster = await StartOn(home, storage);
        var hold = _stage.HoldAt(11, 5);
        await cluster.Trainer.Submit(PreparedHome.Request("a", "model-a", 11, 5));
        await hold.Reached;
        await cluster.Trainer.Submit(PreparedHome.Request("b", "model-b", 12, 5));

        // The end of the first is being written when the second is cancelled, so that it is chosen before its cancelling is written.
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        storage.Gate = gate.Task;
        hold.Release();
        await Patience.Until(() => Task.FromResult(storage.Waiting), waiting => waiting > 0);
        var cancelling = cluster.Trainer.Cancel("b");
        Assert.Equal(JobState.Queued, (await cluster.Trainer.Status("b")).State);
        gate.SetResult();

        Assert.Equal(JobState.Cancelled, (await cancelling).State);
        Assert.Equal(JobState.Completed, (await cluster.EndOf("a")).State);
        Assert.Equal(JobState.Completed, (await cluster.Train(PreparedHome.Request("c", "model-c", 13, 5))).State);
        Assert.Equal(JobState.Cancelled, (await cluster.Trainer.Status("b")).State);
        Assert.Equal([11UL, 13UL], _stage.Runs.Select(run => run.Seed));
    }

    [Fact]
    public async Task A_job_whose_start_cannot_be_recorded_waits_and_runs_once_it_can()
    {
        using var home = prepared.Copy();
        var storage = new FaultyStorage { Refuses = json => json.Contains(Running, StringComparison.Ordinal) };
        await using var cluster = await StartOn(home, storage);
        await cluster.Trainer.Submit(PreparedHome.Request("job", "made", 7, 5));
        await cluster.Log.WaitFor(2008);
        Assert.Equal((JobState.Queued, null), await StateOf(cluster, "job"));
        Assert.Empty(_stage.Runs);

        storage.Refuses = _ => false;
        Assert.Equal(JobState.Completed, (await Patience.Until(() => cluster.Trainer.Status("job"), status => status.State.IsOver())).State);
        Assert.Single(_stage.Runs);
    }

    [Fact]
    public async Task A_job_whose_end_could_not_be_recorded_is_found_done_when_somebody_asks_and_not_trained_again()
    {
        using var home = prepared.Copy();
        var storage = new FaultyStorage();
        await using var cluster = await StartOn(home, storage);
        var hold = _stage.HoldAt(7, 40);
        await cluster.Trainer.Submit(PreparedHome.Request("job", "made", 7));
        await hold.Reached;
        storage.IsDown = true;
        hold.Release();
        await cluster.Log.WaitFor(2004);
        var made = home.Model("made").Fingerprint;
        Assert.True(Directory.Exists(Checkpoints(home, "job")), "What a job needs to go on stays until its end is recorded.");

        storage.IsDown = false;
        var end = await Patience.Until(() => cluster.Trainer.Status("job"), status => status.State.IsOver());
        Assert.Equal((JobState.Completed, null, 40, 40), (end.State, end.Error, end.Step, end.Steps));
        Assert.True(double.IsFinite(end.Loss));
        Assert.Equal(made, home.Model("made").Fingerprint);
        Assert.Single(_stage.Runs);
        await Patience.Until(() => Task.FromResult(Directory.Exists(Checkpoints(home, "job"))), exist => !exist);
    }

    /// <summary>Where a trainer's node dies between the last step of a job and its being forgotten.</summary>
    public enum CrashPoint
    {
        AfterTheLastCheckpoint,
        AfterTheModel,
        AfterTheRecord,
        AfterTheCheckpointsAreGone,
    }

    [Theory]
    [InlineData(CrashPoint.AfterTheLastCheckpoint, 2)]
    [InlineData(CrashPoint.AfterTheModel, 1)]
    [InlineData(CrashPoint.AfterTheRecord, 1)]
    [InlineData(CrashPoint.AfterTheCheckpointsAreGone, 1)]
    public async Task Whenever_the_node_dies_at_the_end_of_a_job_no_step_is_made_twice_and_nothing_is_left(CrashPoint crash, int runs)
    {
        using var home = prepared.Copy();
        var storage = new FaultyStorage();
        await using var cluster = await StartOn(home, storage, "gateway+train@left");
        var last = _stage.HoldAt(7, 40);
        var made = crash == CrashPoint.AfterTheLastCheckpoint ? _stage.HoldAtEnd(7) : null;
        await cluster.Trainer.Submit(PreparedHome.Request("job", "made", 7));
        await last.Reached;
        storage.Swallows = json => crash switch
        {
            CrashPoint.AfterTheModel => json.Contains($"\"State\":{(int)JobState.Completed}", StringComparison.Ordinal),
            CrashPoint.AfterTheRecord => json.Contains("\"Ended\":[\"job\"]", StringComparison.Ordinal),
            _ => false,
        };
        var before = storage.Waiting;
        last.Release();
        if (made is not null) await made.Reached;
        else if (crash == CrashPoint.AfterTheCheckpointsAreGone) await Patience.Until(() => Task.FromResult(Directory.Exists(Checkpoints(home, "job"))), exist => !exist);
        else await Patience.Until(() => Task.FromResult(storage.Waiting), waiting => waiting > before);
        Assert.Equal(crash != CrashPoint.AfterTheLastCheckpoint, home.Models.Contains("made"));
        Assert.Equal(crash != CrashPoint.AfterTheCheckpointsAreGone, Directory.Exists(Checkpoints(home, "job")));

        await cluster.AddAsync("gateway+train@right");
        await cluster.KillAsync("gateway+train@left");
        storage.Swallows = _ => false;
        var end = await Patience.Until(() => cluster.Trainer.Status("job"), status => status.State.IsOver());
        Assert.Equal((JobState.Completed, null), (end.State, end.Error));
        Assert.Equal(runs, _stage.Runs.Count);
        Assert.Equal(40, _stage.Runs.Sum(run => run.Steps));
        Assert.Equal(7UL, home.Model("made").Seed);
        await Patience.Until(() => Task.FromResult(Directory.Exists(Checkpoints(home, "job"))), exist => !exist);
        Assert.Equal(["job"], (await cluster.Trainings()).Select(job => job.JobId));
        made?.Release();
    }

    [Fact]
    public async Task A_list_of_jobs_that_cannot_be_read_is_said_in_words_and_read_again_when_asked()
    {
        using var home = prepared.Copy();
        var storage = new FaultyStorage();
        storage.Damaged.Add("training-jobs/");
        await using var cluster = await StartOn(home, storage);
        foreach (var ask in (Func<Task>[])[() => cluster.Trainer.List(), () => cluster.Trainer.Submit(PreparedHome.Request("job", "made", 7, 5))])
        {
            var failure = await Assert.ThrowsAsync<FuseMixException>(ask);
            Assert.Contains("The list of training jobs", failure.Message, StringComparison.Ordinal);
            Assert.Contains("restore it, or delete it", failure.Remedy, StringComparison.Ordinal);
        }

        storage.Damaged.Clear();
        Assert.Equal(JobState.Completed, (await cluster.Train(PreparedHome.Request("job", "made", 7, 5))).State);
    }

    [Fact]
    public async Task A_job_whose_record_cannot_be_read_is_named_and_keeps_no_other_job_waiting()
    {
        using var home = prepared.Copy();
        var storage = new FaultyStorage();
        await using var cluster = await StartOn(home, storage, "gateway+train@left");
        var hold = _stage.HoldAt(11, 1);
        await cluster.Trainer.Submit(PreparedHome.Request("bad", "model-a", 11, 5));
        await hold.Reached;
        await cluster.Trainer.Submit(PreparedHome.Request("good", "model-b", 12, 5));
        storage.Damaged.Add("training-job/bad");
        await cluster.AddAsync("gateway+train@right");
        await cluster.KillAsync("gateway+train@left");

        Assert.Equal(JobState.Completed, (await cluster.EndOf("good")).State);
        var failure = await Assert.ThrowsAsync<FuseMixException>(() => cluster.Trainer.Status("bad"));
        Assert.Contains("record of training job 'bad'", failure.Message, StringComparison.Ordinal);
        var listed = Assert.Single(await cluster.Trainings(), job => job.JobId == "bad");
        Assert.Contains("record of training job 'bad'", listed.Error, StringComparison.Ordinal);
        hold.Release();
    }

    [Fact]
    public async Task A_trainer_that_only_believes_to_be_the_trainer_leaves_the_job_to_its_successor()
    {
        using var home = prepared.Copy();
        await using var cluster = await TestCluster.StartAsync(home, [TestCluster.Everything], configure: _stage.Configure);
        await cluster.Train(PreparedHome.Request("straight", "straight", 7));
        var hold = _stage.HoldAt(7, 7);
        await cluster.Trainer.Submit(PreparedHome.Request("cut", "cut", 7));
        await hold.Reached;
        TrainerFence.Claim(home.Home);
        hold.Release();
        Assert.Contains("cut", await cluster.Log.WaitFor(2004), StringComparison.Ordinal);

        var end = await Patience.Until(() => cluster.Trainer.Status("cut"), status => status.State.IsOver());
        Assert.Equal((JobState.Completed, null), (end.State, end.Error));
        Assert.Equal(home.Model("straight").Fingerprint, home.Model("cut").Fingerprint);
    }

    /// <summary>What the record of a running job holds, and no other one.</summary>
    private static readonly string Running = $"\"State\":{(int)JobState.Running}";

    private static string Checkpoints(TestHome home, string job) => Path.Combine(home.Home.Runs, job);

    private static async Task<(JobState State, string? Error)> StateOf(TestCluster cluster, string job)
    {
        var status = await cluster.Trainer.Status(job);
        return (status.State, status.Error);
    }

    private Task<TestCluster> StartOn(TestHome home, FaultyStorage storage, string node = TestCluster.Everything, Action<NodeOptions>? options = null) =>
        TestCluster.StartAsync(home, [node], options: options, configure: (silo, name) =>
        {
            _stage.Configure(silo, name);
            storage.Configure(silo, name);
        });

    [Fact]
    public async Task A_trainer_that_only_believes_to_be_the_trainer_begins_no_job()
    {
        using var home = prepared.Copy();
        await using var cluster = await TestCluster.StartAsync(home, [TestCluster.Everything], configure: _stage.Configure);
        await cluster.Train(PreparedHome.Request("before", "before", 7, 5));
        TrainerFence.Claim(home.Home);
        await cluster.Trainer.Submit(PreparedHome.Request("job", "made", 8, 5));
        await cluster.Log.WaitFor(2008);
        Assert.Equal(JobState.Completed, (await Patience.Until(() => cluster.Trainer.Status("job"), status => status.State.IsOver())).State);
        Assert.Equal([7UL, 8UL], _stage.Runs.Select(run => run.Seed));
    }

    [Fact]
    public async Task A_node_that_only_looks_leaves_an_unfinished_job_as_it_is()
    {
        using var home = prepared.Copy();
        await using (var first = await TestCluster.StartAsync(home, [TestCluster.Everything], configure: _stage.Configure))
        {
            var hold = _stage.HoldAt(7, 5);
            await first.Trainer.Submit(PreparedHome.Request("cut", "cut", 7));
            await hold.Reached;
            var stopping = first.StopAsync(TestCluster.Everything);
            await _stage.Runs.Single().ToldToStop;
            hold.Release();
            await stopping;
        }

        await using (var looking = await TestCluster.StartAsync(
            home, [TestCluster.Everything], options: options => options.ResumesJobs = false, configure: _stage.Configure))
        {
            Assert.Equal(JobState.Running, Assert.Single((await looking.Trainer.List()).Trainings).State);
        }

        Assert.Single(_stage.Runs);
        await using var last = await TestCluster.StartAsync(home, [TestCluster.Everything], configure: _stage.Configure);
        Assert.Equal(JobState.Completed, (await last.EndOf("cut")).State);
    }

    private Task<TestCluster> StartRarelySaving(TestHome home) => TestCluster.StartAsync(
        home, ["train@left"], options: options => options.CheckpointSteps = 1000, configure: _stage.Configure);

    private static string[] Weights(TestHome home, string model) =>
        [.. Directory.EnumerateFiles(home.Models.FolderOf(model), "*.safetensors").Order()
            .Select(path => $"{Path.GetFileName(path)} {Fingerprint.Of(File.ReadAllBytes(path)).Hex}")];
}
