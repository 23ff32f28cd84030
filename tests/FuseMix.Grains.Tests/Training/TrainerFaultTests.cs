using FuseMix.Contracts;
using FuseMix.Grains.Tests.Clusters;
using FuseMix.Grains.Training;
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
        Assert.Equal(JobState.Running, (await cluster.Trainer.Status("cut")).State);
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
        Assert.Equal((JobState.Completed, 40), (end.State, end.Step));
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
        Assert.Empty(await cluster.Trainer.List());
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
        await cluster.Trainer.List();
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
        await using var cluster = await TestCluster.StartAsync(home, [TestCluster.Everything], configure: (silo, node) =>
        {
            _stage.Configure(silo, node);
            storage.Configure(silo, node);
        });
        var hold = _stage.HoldAt(11, 1);
        await cluster.Trainer.Submit(PreparedHome.Request("a", "model-a", 11, 5));
        await hold.Reached;

        storage.IsDown = true;
        await Assert.ThrowsAnyAsync<Exception>(() => cluster.Trainer.Submit(PreparedHome.Request("b", "model-b", 12, 5)));
        Assert.Equal(["a"], (await cluster.Trainer.List()).Select(job => job.JobId));
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
        await using var cluster = await TestCluster.StartAsync(home, [TestCluster.Everything], configure: (silo, node) =>
        {
            _stage.Configure(silo, node);
            storage.Configure(silo, node);
        });
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
    public async Task A_job_whose_end_could_not_be_recorded_is_found_done_when_somebody_asks()
    {
        using var home = prepared.Copy();
        var storage = new FaultyStorage();
        await using var cluster = await TestCluster.StartAsync(home, [TestCluster.Everything], configure: (silo, node) =>
        {
            _stage.Configure(silo, node);
            storage.Configure(silo, node);
        });
        var hold = _stage.HoldAt(7, 40);
        await cluster.Trainer.Submit(PreparedHome.Request("job", "made", 7));
        await hold.Reached;
        storage.IsDown = true;
        hold.Release();
        await cluster.Log.WaitFor(2004);
        var made = home.Model("made").Fingerprint;

        storage.IsDown = false;
        var end = await Patience.Until(() => cluster.Trainer.Status("job"), status => status.State.IsOver());
        Assert.Equal(JobState.Completed, end.State);
        Assert.Equal(made, home.Model("made").Fingerprint);
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

    private Task<TestCluster> StartRarelySaving(TestHome home) => TestCluster.StartAsync(
        home, ["train@left"], options: options => options.CheckpointSteps = 1000, configure: _stage.Configure);

    private static string[] Weights(TestHome home, string model) =>
        [.. Directory.EnumerateFiles(home.Models.FolderOf(model), "*.safetensors").Order()
            .Select(path => $"{Path.GetFileName(path)} {Fingerprint.Of(File.ReadAllBytes(path)).Hex}")];
}
