using FuseMix.Contracts;
using FuseMix.Contracts.Training;
using FuseMix.Grains.Tests.Clusters;
using FuseMix.Testing.Clusters;

namespace FuseMix.Grains.Tests.Training;

public sealed class TrainerGrainTests(PreparedHome prepared)
{
    private readonly TrainingStage _stage = new();

    [Fact]
    public async Task Training_makes_the_model_that_was_asked_for()
    {
        using var home = prepared.Copy();
        await using var cluster = await Start(home);
        var status = await cluster.Train(PreparedHome.Request("job", "made-here", seed: 5));

        Assert.Equal((JobState.Completed, "made-here", 40, 40, null), (status.State, status.Model, status.Step, status.Steps, status.Error));
        Assert.True(double.IsFinite(status.Loss));
        var model = home.Model("made-here");
        Assert.Equal(("made-here", 5UL, 8, 40), (model.Name, model.Seed, model.SharedDimension, model.Training.Steps));
        Assert.Equal(TestHome.TextEncoder, model.Encoders()[Modality.Text]);
        Assert.Equal(16, model.Training.Pairs);
        Assert.False(Directory.Exists(Path.Combine(home.Home.Runs, "job")), "Checkpoints of a finished job are of no use.");
    }

    [Fact]
    public async Task A_submitted_job_is_answered_at_once_and_known_by_its_id()
    {
        using var home = prepared.Copy();
        await using var cluster = await Start(home);
        var hold = _stage.HoldAt(1, 1);
        var status = await cluster.Trainer.Submit(PreparedHome.Request("job"));
        Assert.Contains(status.State, (JobState[])[JobState.Queued, JobState.Running]);
        await hold.Reached;

        var running = await cluster.Trainer.Status("job");
        Assert.Equal((JobState.Running, 1, 40, 0), (running.State, running.Step, running.Steps, running.ResumedFrom));
        Assert.True(running.LearningRate > 0 && running.Temperature > 0 && running.PairsPerSecond > 0);
        hold.Release();
        Assert.Equal(JobState.Completed, (await cluster.EndOf("job")).State);
    }

    [Fact]
    public async Task A_status_tells_the_epoch_and_the_last_validation_until_the_next_one()
    {
        using var home = prepared.Copy();
        await using var cluster = await Start(home);
        var hold = _stage.HoldAt(1, 5);
        await cluster.Trainer.Submit(PreparedHome.Request("job", recipe: ", \"validateEveryEpochs\": 1"));
        await hold.Reached;

        // 16 pairs, of which a step of 8 mixed ones takes all: four epochs have been measured, and in the fifth step the fifth.
        var running = await cluster.Trainer.Status("job");
        Assert.Equal((5, 40), (running.Epoch, running.Epochs));
        Assert.Equal((5, 5), (running.Validation!.Step, running.Validation.Epoch));
        Assert.InRange(running.Validation.At1, 0, 100);
        Assert.InRange(running.Validation.Mean, running.Validation.At1, 100);
        hold.Release();

        var end = await cluster.EndOf("job");
        var kept = home.Model(PreparedHome.Model).Training.Validations[^1];
        Assert.Equal((40, 40, 40), (end.Epoch, end.Epochs, end.Validation!.Step));
        Assert.Equal(kept.Mean, end.Validation.Mean, 1e-9);
        Assert.Equal((kept.Reports[0].Forward.At1 + kept.Reports[0].Backward.At1) / 2, end.Validation.At1, 1e-9);
    }

    [Fact]
    public async Task The_curves_of_a_training_stay_with_its_model_in_the_home_folder()
    {
        using var home = prepared.Copy();
        await using var cluster = await Start(home);
        await cluster.Train(PreparedHome.Request("job", "made-here"));
        var folder = Path.Combine(home.Home.TensorBoard, "made-here", "job");
        Assert.Contains("tfevents", Assert.Single(Directory.EnumerateFiles(folder)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_training_whose_curves_cannot_be_written_says_so_once_and_completes()
    {
        using var home = prepared.Copy();
        File.WriteAllText(home.Home.TensorBoard, "A file where the folder should be.");
        await using var cluster = await Start(home);
        Assert.Equal(JobState.Completed, (await cluster.Train(PreparedHome.Request("job", "made-here"))).State);
        Assert.Contains("job", await cluster.Log.WaitFor(2006), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Jobs_are_worked_through_one_at_a_time_in_the_order_of_submission()
    {
        using var home = prepared.Copy();
        await using var cluster = await Start(home);
        var hold = _stage.HoldAt(11, 1);
        await cluster.Trainer.Submit(PreparedHome.Request("a", "model-a", 11, 5));
        await hold.Reached;
        await cluster.Trainer.Submit(PreparedHome.Request("b", "model-b", 12, 5));
        await cluster.Trainer.Submit(PreparedHome.Request("c", "model-c", 13, 5));

        var listed = await cluster.Trainings();
        Assert.Equal([("c", JobState.Queued), ("b", JobState.Queued), ("a", JobState.Running)], listed.Select(job => (job.JobId, job.State)));
        Assert.Equal([11UL], _stage.Runs.Select(run => run.Seed));

        hold.Release();
        Assert.Equal(JobState.Completed, (await cluster.EndOf("c")).State);
        Assert.All(await cluster.Trainings(), job => Assert.Equal(JobState.Completed, job.State));
        Assert.Equal([11UL, 12UL, 13UL], _stage.Runs.Select(run => run.Seed));
    }

    [Fact]
    public async Task Submitting_a_job_again_changes_nothing_while_it_runs_or_when_it_is_done()
    {
        using var home = prepared.Copy();
        await using var cluster = await Start(home);
        var hold = _stage.HoldAt(1, 1);
        var first = await cluster.Trainer.Submit(PreparedHome.Request("job", "once"));
        await hold.Reached;
        var again = await cluster.Trainer.Submit(PreparedHome.Request("job", "once"));
        Assert.Equal((JobState.Running, first.SubmittedAt), (again.State, again.SubmittedAt));
        hold.Release();
        await cluster.EndOf("job");

        Assert.Equal(JobState.Completed, (await cluster.Trainer.Submit(PreparedHome.Request("job", "once"))).State);
        Assert.Single(_stage.Runs);
        Assert.Single(await cluster.Trainings());
    }

    [Fact]
    public async Task A_completed_job_whose_model_was_removed_runs_again()
    {
        using var home = prepared.Copy();
        await using var cluster = await Start(home);
        await cluster.Train(PreparedHome.Request("job", "removed"));
        var made = home.Model("removed").Fingerprint;
        Directory.Delete(Path.Combine(home.Home.Models, "removed"), recursive: true);

        Assert.Equal(JobState.Completed, (await cluster.Train(PreparedHome.Request("job", "removed"))).State);
        Assert.Equal(2, _stage.Runs.Count);
        Assert.Equal(made, home.Model("removed").Fingerprint);
    }

    public static TheoryData<string, TrainingRequest> OtherRequests => new()
    {
        { "model", PreparedHome.Request("job", "another") },
        { "seed", PreparedHome.Request("job", seed: 9) },
        { "recipe", PreparedHome.Request("job", steps: 6) },
        { "dataset", PreparedHome.Request("job") with { Dataset = "others" } },
        { "encoders", WithImages("other") },
        { "fold", PreparedHome.Request("job", steps: 5) with { Fold = "1/2" } },
    };

    [Theory]
    [MemberData(nameof(OtherRequests), DisableDiscoveryEnumeration = true)]
    public async Task An_id_that_stands_for_another_request_is_refused(string difference, TrainingRequest other)
    {
        using var home = prepared.Copy();
        await using var cluster = await Start(home);
        await cluster.Train(PreparedHome.Request("job", steps: 5));
        var failure = await Assert.ThrowsAsync<FuseMixException>(() => cluster.Trainer.Submit(other));
        Assert.True(failure.Kind == FailureKind.Conflict, $"Another {difference}: {failure.Advice}");
        Assert.Contains("'job' was submitted before", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_same_recipe_written_otherwise_is_the_same_request()
    {
        using var home = prepared.Copy();
        await using var cluster = await Start(home);
        var request = PreparedHome.Request("job", steps: 5);
        await cluster.Train(request);
        Assert.Equal(JobState.Completed, (await cluster.Trainer.Submit(request with { Recipe = $"\n {request.Recipe.Replace(":", " : ", StringComparison.Ordinal)} " })).State);
        Assert.Single(_stage.Runs);
    }

    [Fact]
    public async Task An_unknown_job_is_answered_with_the_nearest_one()
    {
        using var home = prepared.Copy();
        await using var cluster = await Start(home);
        await cluster.Train(PreparedHome.Request("my-job", steps: 3));
        Func<Task>[] questions = [() => cluster.Trainer.Status("my-jop"), () => cluster.Trainer.Cancel("my-jop"), () => cluster.EndOf("my-jop")];
        foreach (var ask in questions)
        {
            var failure = await Assert.ThrowsAsync<FuseMixException>(ask);
            Assert.Equal((FailureKind.NotFound, "Did you mean 'my-job'?"), (failure.Kind, failure.Remedy));
        }
    }

    [Fact]
    public async Task A_waiting_job_that_is_cancelled_never_runs()
    {
        using var home = prepared.Copy();
        await using var cluster = await Start(home);
        var hold = _stage.HoldAt(11, 1);
        await cluster.Trainer.Submit(PreparedHome.Request("a", "model-a", 11, 5));
        await hold.Reached;
        await cluster.Trainer.Submit(PreparedHome.Request("b", "model-b", 12, 5));
        Assert.Equal(JobState.Cancelled, (await cluster.Trainer.Cancel("b")).State);
        hold.Release();
        await cluster.EndOf("a");
        Assert.Equal(JobState.Cancelled, (await cluster.EndOf("b")).State);
        Assert.Single(_stage.Runs);

        Assert.Equal(JobState.Completed, (await cluster.Train(PreparedHome.Request("b", "model-b", 12, 5))).State);
    }

    [Fact]
    public async Task A_running_job_that_is_cancelled_goes_on_from_its_checkpoint_to_the_very_same_model()
    {
        using var home = prepared.Copy();
        await using var cluster = await Start(home);
        await cluster.Train(PreparedHome.Request("straight", "straight"));
        var hold = _stage.HoldAt(1, 7);
        await cluster.Trainer.Submit(PreparedHome.Request("cut", "cut"));
        await hold.Reached;
        await cluster.Trainer.Cancel("cut");
        hold.Release();
        var cancelled = await cluster.EndOf("cut");
        Assert.Equal((JobState.Cancelled, 7, 40), (cancelled.State, cancelled.Step, cancelled.Steps));
        Assert.False(home.Models.Contains("cut"));

        var next = _stage.HoldAt(1, 8);
        await cluster.Trainer.Submit(PreparedHome.Request("cut", "cut"));
        await next.Reached;
        Assert.Equal((8, 7), await StepAndStart(cluster, "cut"));
        next.Release();
        Assert.Equal(JobState.Completed, (await cluster.EndOf("cut")).State);
        Assert.Equal(home.Model("straight").Fingerprint, home.Model("cut").Fingerprint);
    }

    [Fact]
    public async Task Cancelling_a_job_that_is_over_changes_nothing()
    {
        using var home = prepared.Copy();
        await using var cluster = await Start(home);
        await cluster.Train(PreparedHome.Request("job", steps: 3));
        Assert.Equal(JobState.Completed, (await cluster.Trainer.Cancel("job")).State);
    }

    [Fact]
    public async Task A_watcher_sees_the_job_advance_to_its_end()
    {
        using var home = prepared.Copy();
        await using var cluster = await Start(home);
        var hold = _stage.HoldAt(1, 1);
        await cluster.Trainer.Submit(PreparedHome.Request("job"));
        await hold.Reached;
        var reading = Patience.Read(cluster.Trainer.Watch("job"));
        hold.Release();
        var seen = await reading;

        Assert.Equal((JobState.Completed, 40), (seen[^1].State, seen[^1].Step));
        Assert.All(seen.SkipLast(1), status => Assert.Equal(JobState.Running, status.State));
        Assert.Equal(seen.Select(status => status.Step).Order(), seen.Select(status => status.Step));
        Assert.Equal(seen[^1], Assert.Single(await Patience.Read(cluster.Trainer.Watch("job"))));
    }

    [Fact]
    public async Task A_watcher_that_leaves_disturbs_nobody()
    {
        using var home = prepared.Copy();
        await using var cluster = await Start(home);
        var hold = _stage.HoldAt(1, 1);
        await cluster.Trainer.Submit(PreparedHome.Request("job"));
        await hold.Reached;
        using var leaving = new CancellationTokenSource();
        await using var watcher = cluster.Trainer.Watch("job", leaving.Token).GetAsyncEnumerator(leaving.Token);
        Assert.True(await watcher.MoveNextAsync());
        var next = watcher.MoveNextAsync();
        await leaving.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => next.AsTask());
        hold.Release();
        Assert.Equal(JobState.Completed, (await cluster.EndOf("job")).State);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_job_that_fails_says_why_and_the_queue_goes_on(bool advised)
    {
        using var home = prepared.Copy();
        await using var cluster = await Start(home);
        _stage.Failures[11] = advised
            ? new FuseMixException(FailureKind.Unavailable, "The device is gone.", "Plug it in.")
            : new InvalidOperationException("A surprise.");
        await cluster.Trainer.Submit(PreparedHome.Request("bad", "bad", 11));
        await cluster.Trainer.Submit(PreparedHome.Request("good", "good", 12, 5));

        var failed = await cluster.EndOf("bad");
        Assert.Equal((JobState.Failed, advised ? "The device is gone. Plug it in." : "A surprise."), (failed.State, failed.Error));
        Assert.Equal(JobState.Completed, (await cluster.EndOf("good")).State);

        _stage.Failures.Clear();
        var again = await cluster.Train(PreparedHome.Request("bad", "bad", 11));
        Assert.Equal((JobState.Completed, null), (again.State, again.Error));
    }

    [Fact]
    public async Task A_failed_training_leaves_the_model_of_that_name_as_it_was()
    {
        using var home = prepared.Copy();
        await using var cluster = await Start(home);
        var before = home.Model(PreparedHome.Model).Fingerprint;
        _stage.Failures[11] = new InvalidOperationException("A surprise.");
        Assert.Equal(JobState.Failed, (await cluster.Train(PreparedHome.Request("bad", PreparedHome.Model, 11))).State);
        Assert.Equal(before, home.Model(PreparedHome.Model).Fingerprint);
    }

    public static TheoryData<TrainingRequest, FailureKind, string, string?> Refused => new()
    {
        { PreparedHome.Request("Not A Name"), FailureKind.Invalid, "'Not A Name' is not a valid job name", "Use 1 to" },
        { PreparedHome.Request("job", "../models"), FailureKind.Invalid, "'../models' is not a valid fusion model name", "Use 1 to" },
        { PreparedHome.Request("job") with { Dataset = "boat" }, FailureKind.NotFound, "no dataset named 'boat'", "'boats'" },
        { WithImages("tiny-imag"), FailureKind.NotFound, "no encoder named 'tiny-imag'", "'tiny-image'" },
        { WithImages(null), FailureKind.Invalid, "at least two modalities", null },
        { PreparedHome.Request("job", recipe: ", \"dropuot\": 0.5"), FailureKind.Invalid, "dropuot", "'dropout'" },
        { PreparedHome.Request("job") with { Recipe = "not json" }, FailureKind.Invalid, "recipe", null },
    };

    [Theory]
    [MemberData(nameof(Refused), DisableDiscoveryEnumeration = true)]
    public async Task What_names_alone_tell_is_refused_at_once(TrainingRequest request, FailureKind kind, string message, string? remedy)
    {
        var cluster = prepared.Asked;
        var failure = await Assert.ThrowsAsync<FuseMixException>(() => cluster.Trainer.Submit(request));
        Assert.Equal(kind, failure.Kind);
        Assert.Contains(message, failure.Message, StringComparison.Ordinal);
        if (remedy is not null) Assert.Contains(remedy, failure.Remedy, StringComparison.Ordinal);
        Assert.Empty(await cluster.Trainings());
    }

    public static TheoryData<TrainingRequest, string> Unserved => new()
    {
        { WithImages(TestHome.TextEncoder), "'tiny-text' was named for image, but it encodes text" },
        { OnDataset("untouched"), "fusemix extract untouched" },
        { OnDataset("unpaired"), "'unpaired' has no training pairs between" },
    };

    [Theory]
    [MemberData(nameof(Unserved), DisableDiscoveryEnumeration = true)]
    public async Task What_the_data_tell_fails_the_job_before_its_turn_comes(TrainingRequest request, string message)
    {
        using var home = prepared.Copy();
        await using var cluster = await Start(home);
        home.SaveDataset(home.Items(), home.Pairs(), "untouched");
        home.SaveDataset(home.Items(), [], "unpaired");
        if (request.Dataset == "unpaired")
        {
            await cluster.Extract(TestHome.ImageEncoder, "unpaired");
            await cluster.Extract(TestHome.TextEncoder, "unpaired");
        }

        var hold = _stage.HoldAt(11, 1);
        await cluster.Trainer.Submit(PreparedHome.Request("before", "model-a", 11, 5));
        await hold.Reached;
        Assert.Equal(JobState.Queued, (await cluster.Trainer.Submit(request)).State);
        var end = await cluster.EndOf(request.JobId);
        Assert.Equal(JobState.Failed, end.State);
        Assert.Contains(message, end.Error, StringComparison.Ordinal);
        Assert.Equal(JobState.Running, (await cluster.Trainer.Status("before")).State);
        hold.Release();
        Assert.Equal(JobState.Completed, (await cluster.EndOf("before")).State);
        Assert.Single(_stage.Runs);
    }

    [Fact]
    public async Task Jobs_are_listed_a_page_at_a_time_whatever_happens_between_two_pages()
    {
        using var home = prepared.Copy();
        await using var cluster = await Start(home);
        foreach (var job in (string[])["a", "b"]) await cluster.Train(PreparedHome.Request(job, job, 1, 2));
        var hold = _stage.HoldAt(11, 1);
        await cluster.Trainer.Submit(PreparedHome.Request("c", "model-c", 11, 5));
        await hold.Reached;
        await cluster.Trainer.Submit(PreparedHome.Request("d", "model-d", 12, 2));

        var first = await cluster.Trainer.List(2);
        Assert.Equal(["d", "c"], first.Trainings.Select(job => job.JobId));
        hold.Release();
        await cluster.EndOf("d");
        var second = await cluster.Trainer.List(2, first.Next);
        Assert.Equal(["b", "a"], second.Trainings.Select(job => job.JobId));
        Assert.Null(second.Next);
        Assert.Equal(["d", "c", "b", "a"], (await cluster.Trainings()).Select(job => job.JobId));

        foreach (var wrong in (Func<Task>[])[() => cluster.Trainer.List(0), () => cluster.Trainer.List(1001), () => cluster.Trainer.List(1, "x")])
            Assert.Equal(FailureKind.Invalid, (await Assert.ThrowsAsync<FuseMixException>(wrong)).Kind);
    }

    [Fact]
    public async Task Of_jobs_that_are_over_the_last_ones_are_remembered_and_of_the_others_nothing_stays()
    {
        using var home = prepared.Copy();
        var storage = new FaultyStorage();
        await using var cluster = await TestCluster.StartAsync(
            home,
            [TestCluster.Everything],
            options: options => options.TrainingsKept = 2,
            configure: (silo, node) =>
            {
                _stage.Configure(silo, node);
                storage.Configure(silo, node);
            });
        var hold = _stage.HoldAt(11, 4);
        await cluster.Trainer.Submit(PreparedHome.Request("a", "model-a", 11, 5));
        await hold.Reached;
        await cluster.Trainer.Cancel("a");
        hold.Release();
        Assert.Equal(JobState.Cancelled, (await cluster.EndOf("a")).State);
        Assert.True(Directory.Exists(Path.Combine(home.Home.Runs, "a")));
        foreach (var job in (string[])["b", "c"]) await cluster.Train(PreparedHome.Request(job, job, 1, 2));

        await Patience.Until(() => Task.FromResult(storage.Records), records => !records.Any(record => record.EndsWith("/a", StringComparison.Ordinal)));
        await Patience.Until(cluster.Trainings, jobs => jobs.Length == 2);
        Assert.Equal(["c", "b"], (await cluster.Trainings()).Select(job => job.JobId));
        Assert.False(Directory.Exists(Path.Combine(home.Home.Runs, "a")));
        Assert.Equal(FailureKind.NotFound, (await Assert.ThrowsAsync<FuseMixException>(() => cluster.Trainer.Status("a"))).Kind);

        // Its id is free again, and stands for another job: that a model says of itself to be of "b" does not make it this one's.
        await cluster.Train(PreparedHome.Request("d", "d", 1, 2));
        await Patience.Until(cluster.Trainings, jobs => jobs.Length == 2 && jobs.All(job => job.JobId != "b"));
        Assert.Equal(JobState.Completed, (await cluster.Train(PreparedHome.Request("b", "b", 9, 2))).State);
        Assert.Equal(9UL, home.Model("b").Seed);
    }

    [Fact]
    public async Task A_dataset_that_changed_since_its_extraction_is_extracted_again_before_it_is_trained_on()
    {
        using var home = prepared.Copy();
        await using var cluster = await Start(home);
        home.SaveDataset([.. home.Items(), home.TextItem("txt-new", 3, "the red lake")], [.. home.Pairs(), new("img-03", "txt-new")]);
        var failed = await cluster.Train(PreparedHome.Request("job", "grown", steps: 3));
        Assert.Equal(JobState.Failed, failed.State);
        Assert.Contains("'tiny-image' are of an earlier version of the dataset", failed.Error, StringComparison.Ordinal);
        Assert.Contains("fusemix extract boats tiny-image", failed.Error, StringComparison.Ordinal);

        Assert.Equal(25, (await cluster.Extract(TestHome.ImageEncoder)).ItemsFound);
        Assert.Equal(25, (await cluster.Extract(TestHome.TextEncoder)).ItemsFound);
        Assert.Equal(JobState.Completed, (await cluster.Train(PreparedHome.Request("job", "grown", steps: 3))).State);
        Assert.Equal(17, home.Model("grown").Training.Pairs);
    }

    [Fact]
    public async Task There_is_one_trainer_and_no_other_key()
    {
        using var home = prepared.Copy();
        await using var cluster = await Start(home);
        var failure = await Assert.ThrowsAsync<FuseMixException>(() => cluster.Grains.GetGrain<ITrainerGrain>("second").List());
        Assert.Equal(FailureKind.Invalid, failure.Kind);
        Assert.Contains("'trainer'", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_a_node_that_trains_the_failure_says_what_to_start()
    {
        using var home = prepared.Copy();
        await using var cluster = await TestCluster.StartAsync(home, ["gateway+extract+index@one"]);
        var failure = await Assert.ThrowsAsync<FuseMixException>(() => cluster.Trainer.Submit(PreparedHome.Request("job")));
        Assert.Equal((FailureKind.Unavailable, "No active node has the role 'train'."), (failure.Kind, failure.Message));
        Assert.Contains("role 'train'", failure.Remedy, StringComparison.Ordinal);
    }

    private Task<TestCluster> Start(TestHome home) => TestCluster.StartAsync(home, [TestCluster.Everything], configure: _stage.Configure);

    private static TrainingRequest OnDataset(string dataset) => PreparedHome.Request("job") with { Dataset = dataset };

    private static TrainingRequest WithImages(string? encoder)
    {
        var encoders = new Dictionary<Modality, string> { [Modality.Text] = TestHome.TextEncoder };
        if (encoder is not null) encoders[Modality.Image] = encoder;
        return PreparedHome.Request("job", steps: 5) with { Encoders = encoders };
    }

    private static async Task<(int Step, int ResumedFrom)> StepAndStart(TestCluster cluster, string jobId)
    {
        var status = await cluster.Trainer.Status(jobId);
        return (status.Step, status.ResumedFrom);
    }
}
