using System.Text.Json.Nodes;
using FuseMix.Testing;
using FuseMix.Testing.Training;
using FuseMix.Training.Adapters;
using FuseMix.Training.Matrices;
using FuseMix.Training.Models;
using FuseMix.Training.Normalisation;
using FuseMix.Training.Recipe;
using FuseMix.Training.Threading;

namespace FuseMix.Training.Tests;

public sealed class CpuFusionTrainerTests
{
    private const string Small = """
        { "steps": 30, "sharedDimension": 16, "batchSize": 12, "dropout": 0.3, "learningRate": 0.003,
          "modalities": { "image": { "transform": "pca", "components": 12 }, "text": { "transform": "standardise" } } }
        """;

    public static TheoryData<string> Methods =>
    [
        "\"augmentation\": \"fuseMix\"",
        "\"augmentation\": \"none\"",
        "\"augmentation\": \"gaussianNoise\"",
        "\"augmentation\": \"randomQuantization\"",
        "\"loss\": \"sigmoid\", \"bias\": -4",
        "\"averageDecay\": 0.95, \"noiseSigma\": 0.05",
        "\"modalities\": { \"image\": { \"transform\": \"whiten\" }, \"text\": { \"transform\": \"whiten\" } }",
    ];

    [Theory]
    [MemberData(nameof(Methods))]
    public void Planted_structure_is_found_far_above_chance(string method)
    {
        var data = PlantedData.Create(600, 60);
        var recipe = TrainingRecipe.Parse(
            $$"""{ "steps": 200, "sharedDimension": 16, "batchSize": 64, "dropout": 0.1, "learningRate": 0.003, {{method}} }""");
        var model = new CpuFusionTrainer(1).Train(data, recipe, new TrainingRun(1));
        var report = FusionTrainer.Evaluate(model, data, data.Pairs[0], data.Pairs[0].Validation!);

        // Chance is 1.7 % at R@1 and 17 % at R@10.
        Assert.True(report.Forward.At1 > 30 && report.Backward.At1 > 30, $"R@1 {report.Forward.At1} and {report.Backward.At1}");
        Assert.True(report.Forward.At10 > 80 && report.Backward.At10 > 80, $"R@10 {report.Forward.At10} and {report.Backward.At10}");
    }

    [Fact]
    public void A_third_modality_joins_the_space_by_way_of_its_own_pairs()
    {
        var data = PlantedData.Create(600, 60, audio: true);
        var recipe = TrainingRecipe.Parse("""{ "steps": 250, "sharedDimension": 16, "batchSize": 64, "dropout": 0.1, "learningRate": 0.003, "validateEveryEpochs": 40 }""");
        var model = new CpuFusionTrainer(1).Train(data, recipe, new TrainingRun(1));
        Assert.Equal([Modality.Image, Modality.Text, Modality.Audio], model.Modalities);
        Assert.Equal(2, model.Training.Validations[^1].Reports.Count);

        // Image and audio were never paired.
        var rows = data.Pairs[0].Validation!;
        var report = FusionTrainer.Evaluate(model, data, new PairList(Modality.Image, Modality.Audio, rows), rows);
        Assert.True(report.Forward.At10 > 50, $"R@10 {report.Forward.At10}, chance is 17");
    }

    [Fact]
    public void Audio_goes_into_the_frozen_space_of_what_it_is_paired_with()
    {
        var all = PlantedData.Create(audio: true);
        var data = new TrainingData(all.Latents.Where(l => l.Key != Modality.Image).ToDictionary(), [all.Pairs[1]]);
        var recipe = TrainingRecipe.Parse("""{ "preset": "audio-to-clip", "epochs": 1, "batchSize": 16 }""");
        var model = new CpuFusionTrainer(1).Train(data, recipe, new TrainingRun(1));
        Assert.Equal(PlantedData.TextDimension, model.SharedDimension);
        var latent = new float[PlantedData.TextDimension];
        data.Latents[Modality.Text].Latents.Gather([3], latent);
        var norm = Math.Sqrt(latent.Sum(v => (double)v * v));
        Assert.All(model.Embed(Modality.Text, latent, 1).Zip(latent), pair => Assert.Equal(pair.Second / norm, pair.First, 1e-6));

        var without = TrainingRecipe.Parse(
            """{ "preset": "audio-to-clip", "epochs": 1, "modalities": { "image": { "adapter": "identity" } } }""");
        Assert.Contains(
            "no 'sharedDimension'",
            Assert.Throws<FuseMixException>(() => new CpuFusionTrainer(1).Train(data, without, new TrainingRun(1))).Message);
    }

    [Theory]
    [InlineData("halves")]
    [InlineData("twoBatches")]
    [InlineData("permutation")]
    public void The_same_run_twice_gives_the_same_bits_with_any_number_of_threads(string mixing)
    {
        var recipe = TrainingRecipe.Parse(Small.Replace("\"steps\": 30", $"\"steps\": 12, \"mixing\": \"{mixing}\""));
        var runs = new[] { 1, 1, 2, 3 }.Select(threads => Losses(new CpuFusionTrainer(threads, MatrixKernel.Own), recipe)).ToArray();
        Assert.Equal(12, runs[0].Losses.Length);
        Assert.All(runs, run => Assert.Equal(runs[0].Losses, run.Losses));
        Assert.All(runs, run => Assert.Equal(runs[0].Model.Fingerprint, run.Model.Fingerprint));
    }

    [Fact]
    public void Another_seed_is_another_run()
    {
        var recipe = TrainingRecipe.Parse(Small);
        var trainer = new CpuFusionTrainer(1);
        Assert.NotEqual(Losses(trainer, recipe, 1).Losses, Losses(trainer, recipe, 2).Losses);
    }

    [Fact]
    public void Both_matrix_products_train_alike()
    {
        if (OneDnnMatrixMultiply.TryLoad() is null) Assert.Skip("oneDNN is not installed.");
        var recipe = TrainingRecipe.Parse(Small);
        var one = Losses(new CpuFusionTrainer(1, MatrixKernel.Own), recipe).Losses;
        var other = Losses(new CpuFusionTrainer(1, MatrixKernel.OneDnn), recipe).Losses;
        for (var i = 0; i < one.Length; i++) Assert.Equal(one[i], other[i], 1e-3);
    }

    [Theory]
    [InlineData(7)]
    [InlineData(12)]
    [InlineData(29)]
    public void A_run_that_was_stopped_goes_on_as_if_it_never_had(int stopAfter)
    {
        var data = PlantedData.Create();
        var recipe = TrainingRecipe.Parse(Small.Replace("\"steps\": 30", "\"steps\": 30, \"validateEveryEpochs\": 1, \"keepBest\": true"));
        var whole = new List<TrainingProgress>();
        var trainer = new CpuFusionTrainer(1, MatrixKernel.Own);
        var expected = trainer.Train(data, recipe, new TrainingRun(3), whole.Add);

        using var folder = new TemporaryFolder();
        var run = new TrainingRun(3, folder.Path, CheckpointEverySteps: 5);
        var parts = new List<TrainingProgress>();
        using var stop = new CancellationTokenSource();
        Assert.Throws<OperationCanceledException>(() => trainer.Train(data, recipe, run, Observe, stop.Token));
        Assert.Equal(stopAfter, parts.Count);
        var resumed = trainer.Train(data, recipe, run, parts.Add);

        Assert.Equal(whole.Select(p => p.Loss), parts.Select(p => p.Loss));
        Assert.Equal(whole.Select(p => p.Temperature), parts.Select(p => p.Temperature));
        Assert.Equal(whole.Select(p => p.Validation?.Mean), parts.Select(p => p.Validation?.Mean));
        Assert.Equal(stopAfter, parts[^1].ResumedFrom);
        Assert.Equal(expected.Fingerprint, resumed.Fingerprint);
        Assert.Equal(expected.Training.KeptStep, resumed.Training.KeptStep);
        Assert.Equal(expected.Training.Validations.Count, resumed.Training.Validations.Count);

        void Observe(TrainingProgress progress)
        {
            parts.Add(progress);
            if (progress.Step == stopAfter) stop.Cancel();
        }
    }

    /// <summary>What each recipe adds to the small one.</summary>
    public static TheoryData<string> Knobs =>
    [
        "\"augmentation\": \"none\"",
        "\"augmentation\": \"gaussianNoise\"",
        "\"augmentation\": \"randomQuantization\"",
        "\"averageDecay\": 0.9",
        "\"negatives\": \"otherGroups\"",
        "\"negatives\": \"otherGroups\", \"loss\": \"sigmoid\", \"mixing\": \"permutation\"",
        "\"alpha\": 0.1, \"alphaEnd\": 4",
        "\"patience\": 2, \"steps\": 90, \"learningRate\": 0.1",
        "\"loss\": \"sigmoid\"",
        "\"noiseSigma\": 0.1",
        "\"mixing\": \"twoBatches\"",
        "\"mixing\": \"permutation\"",
        "\"modalities\": { \"image\": { \"transform\": \"whiten\", \"components\": 9 }, \"text\": { \"transform\": \"whiten\", "
            + "\"shrinkage\": 0.3 } }",
    ];

    [Theory]
    [MemberData(nameof(Knobs))]
    public void With_every_knob_a_run_in_two_parts_gives_the_bits_of_one(string knob)
    {
        var planted = PlantedData.Create();
        var train = planted.Pairs[0].Train;
        var data =
            planted with { Pairs = [planted.Pairs[0] with { Train = train with { Groups = [.. train.Left.Select(row => row / 3)] } }] };
        var own = JsonNode.Parse($"{{ \"validateEveryEpochs\": 1, \"keepBest\": true, {knob} }}")!.AsObject();
        var merged = JsonNode.Parse(Small)!.AsObject();
        foreach (var (key, value) in own) merged[key] = value?.DeepClone();
        var recipe = TrainingRecipe.Parse(merged.ToJsonString());
        var trainer = new CpuFusionTrainer(2, MatrixKernel.Own);
        var whole = new List<TrainingProgress>();
        var expected = trainer.Train(data, recipe, new TrainingRun(3), whole.Add);

        using var folder = new TemporaryFolder();
        var parts = new List<TrainingProgress>();
        using var stop = new CancellationTokenSource();
        var half = whole.Count / 2;
        Assert.Throws<OperationCanceledException>(() => trainer.Train(data, recipe, new TrainingRun(3, folder.Path), Observe, stop.Token));
        var resumed = trainer.Train(data, recipe, new TrainingRun(3, folder.Path), parts.Add);

        Assert.Equal(half, parts[^1].ResumedFrom);
        Assert.Equal(
            whole.Select(p => (p.Loss, p.Temperature, p.Validation?.Mean)), parts.Select(p => (p.Loss, p.Temperature, p.Validation?.Mean)));
        Assert.Equal(expected.Fingerprint, resumed.Fingerprint);
        Assert.Equal(expected.Temperature, resumed.Temperature);
        Assert.Equal(expected.Training.KeptStep, resumed.Training.KeptStep);

        void Observe(TrainingProgress progress)
        {
            parts.Add(progress);
            if (progress.Step == half) stop.Cancel();
        }
    }

    [Fact]
    public void A_run_that_died_between_checkpoints_repeats_the_steps_since_the_last_one_exactly()
    {
        var data = PlantedData.Create();
        var recipe = TrainingRecipe.Parse(Small);
        var trainer = new CpuFusionTrainer(1, MatrixKernel.Own);
        var whole = new List<double>();
        trainer.Train(data, recipe, new TrainingRun(3), p => whole.Add(p.Loss));
        using var folder = new TemporaryFolder();
        var run = new TrainingRun(3, folder.Path, CheckpointEverySteps: 5);
        Assert.Throws<InvalidOperationException>(() => trainer.Train(data, recipe, run, p =>
        {
            if (p.Step == 13) throw new InvalidOperationException("killed");
        }));
        var rest = new List<TrainingProgress>();
        trainer.Train(data, recipe, run, rest.Add);
        Assert.Equal((10, 11), (rest[0].ResumedFrom, rest[0].Step));
        Assert.Equal(whole.Skip(10), rest.Select(p => p.Loss));
    }

    [Fact]
    public void A_run_that_had_ended_gives_its_model_again_without_a_step()
    {
        var data = PlantedData.Create();
        using var folder = new TemporaryFolder();
        var run = new TrainingRun(3, folder.Path);
        var trainer = new CpuFusionTrainer(1);
        var first = trainer.Train(data, TrainingRecipe.Parse(Small), run);
        var again = trainer.Train(data, TrainingRecipe.Parse(Small), run, _ => Assert.Fail("A step was made."));
        Assert.Equal(first.Fingerprint, again.Fingerprint);
    }

    [Fact]
    public void Every_checkpoint_is_written_through_the_commit_of_the_run()
    {
        using var folder = new TemporaryFolder();
        var commits = 0;
        var run = new TrainingRun(1, folder.Path, 10) { Commit = write => { commits++; write(); } };
        new CpuFusionTrainer(1).Train(PlantedData.Create(), TrainingRecipe.Parse(Small), run);
        Assert.Equal(3, commits);

        var fenced = new TrainingRun(1, folder["other"], 10)
        {
            Commit = _ => throw new FuseMixException(FailureKind.Conflict, "Another trainer has taken over."),
        };
        Assert.Throws<FuseMixException>(() => new CpuFusionTrainer(1).Train(PlantedData.Create(), TrainingRecipe.Parse(Small), fenced));
        Assert.False(Directory.Exists(folder["other"]));
    }

    public static TheoryData<string, string> OtherRuns() => new()
    {
        { "recipe", "'dropout' 0.3, not 0.4" },
        { "depth", "'depth'" },
        { "seed", "its seed is 3, not 4" },
        { "data", "other data" },
        { "latents", "other data" },
    };

    [Theory]
    [MemberData(nameof(OtherRuns))]
    public void A_checkpoint_of_another_run_is_refused_and_the_difference_named(string what, string named)
    {
        using var folder = new TemporaryFolder();
        var trainer = new CpuFusionTrainer(1);
        trainer.Train(PlantedData.Create(), TrainingRecipe.Parse(Small), new TrainingRun(3, folder.Path));
        var json = what switch
        {
            "recipe" => Small.Replace("0.3,", "0.4,"),
            "depth" => Small.Replace("\"steps\": 30", "\"steps\": 30, \"depth\": 1"),
            _ => Small,
        };
        var data =
            what switch { "data" => PlantedData.Create(150), "latents" => PlantedData.Create(offset: 0.5f), _ => PlantedData.Create() };
        var failure = Assert.Throws<FuseMixException>(
            () => trainer.Train(data, TrainingRecipe.Parse(json), new TrainingRun(what == "seed" ? 4u : 3u, folder.Path)));
        Assert.Equal(FailureKind.Conflict, failure.Kind);
        Assert.Contains(named, failure.Message);
    }

    /// <summary>The reference code unpickles whatever it is given; here nothing but numbers is read.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_damaged_or_pickled_checkpoint_is_refused_by_name(bool pickled)
    {
        using var folder = new TemporaryFolder();
        var trainer = new CpuFusionTrainer(1);
        trainer.Train(PlantedData.Create(), TrainingRecipe.Parse(Small), new TrainingRun(3, folder.Path));
        var path = Assert.Single(Directory.GetFiles(folder.Path));
        File.WriteAllBytes(path, pickled ? [0x80, 0x04, .. "cos\nsystem\n(S'id'\ntR."u8] : File.ReadAllBytes(path)[..^100]);
        var failure = Assert.Throws<FuseMixException>(
            () => trainer.Train(PlantedData.Create(), TrainingRecipe.Parse(Small), new TrainingRun(3, folder.Path)));
        Assert.Equal(FailureKind.Corrupt, failure.Kind);
        Assert.Contains(path, failure.Message);
    }

    [Fact]
    public void Progress_counts_steps_epochs_and_time()
    {
        var seen = new List<TrainingProgress>();
        new CpuFusionTrainer(1).Train(PlantedData.Create(), TrainingRecipe.Parse(Small), new TrainingRun(1), seen.Add);
        Assert.Equal(Enumerable.Range(1, 30), seen.Select(p => p.Step));

        // 160 pairs, two for each of 12: six steps an epoch.
        Assert.Equal((1, 1, 2, 5), (seen[0].Epoch, seen[5].Epoch, seen[6].Epoch, seen[29].Epoch));
        Assert.All(seen, p => Assert.True(p.PairsPerSecond > 0 && p.Steps == 30 && p.Epochs == 5));
        Assert.Equal(TimeSpan.Zero, seen[^1].Remaining);
        Assert.Equal(1e-6, seen[0].LearningRate);
        Assert.Equal(0.003, seen[5].LearningRate, 1e-9);
    }

    [Fact]
    public void The_best_validated_weights_are_kept_where_the_recipe_says_so()
    {
        var data = PlantedData.Create();
        var recipe = TrainingRecipe.Parse(
            """{ "epochs": 12, "sharedDimension": 16, "batchSize": 12, "learningRate": 0.05, "validateEveryEpochs": 2, "keepBest": true }""");
        var model = new CpuFusionTrainer(1).Train(data, recipe, new TrainingRun(1));
        var validations = model.Training.Validations;
        Assert.Equal([2, 4, 6, 8, 10, 12], validations.Select(v => v.Epoch));
        var best = validations.MaxBy(v => v.Mean)!;
        Assert.Equal(best.Step, model.Training.KeptStep);
        Assert.Equal(best.Mean, FusionTrainer.Evaluate(model, data, data.Pairs[0], data.Pairs[0].Validation!).Mean, 1e-9);
    }

    [Fact]
    public void A_run_ends_when_its_patience_with_validation_does_and_stays_ended()
    {
        var data = PlantedData.Create();
        var recipe = TrainingRecipe.Parse(
            """{ "epochs": 100, "sharedDimension": 16, "batchSize": 12, "learningRate": 0.1, "validateEveryEpochs": 1, "keepBest": true, "patience": 3 }""");
        using var folder = new TemporaryFolder();
        var run = new TrainingRun(1, folder.Path);
        var model = new CpuFusionTrainer(1).Train(data, recipe, run);
        var validations = model.Training.Validations;
        var best = validations.MaxBy(v => v.Mean)!;
        Assert.True(validations.Count < 100);
        Assert.Equal(3, validations.Count(v => v.Step > best.Step));
        Assert.Equal((best.Step, validations[^1].Step), (model.Training.KeptStep, model.Training.Steps));

        var again = new CpuFusionTrainer(1).Train(data, recipe, run, _ => Assert.Fail("A step was made."));
        Assert.Equal(model.Fingerprint, again.Fingerprint);
    }

    [Fact]
    public void Latents_that_are_no_numbers_are_found_and_named()
    {
        var data = PlantedData.Create();
        var values = Copy(data, Modality.Text);
        values[(17 * PlantedData.TextDimension) + 3] = float.NaN;
        var failure = Assert.Throws<FuseMixException>(() => new CpuFusionTrainer(1).Train(
            With(data, Modality.Text, values),
            TrainingRecipe.Parse("""{ "epochs": 1, "batchSize": 12, "sharedDimension": 8 }"""),
            new TrainingRun(1)));
        Assert.Equal(FailureKind.Corrupt, failure.Kind);
        Assert.Contains("text latent in row 17", failure.Message);
    }

    [Theory]
    [InlineData("pca")]
    [InlineData("standardise")]
    public void Latents_that_are_no_numbers_are_named_before_a_transform_is_fitted_on_them(string transform)
    {
        var data = PlantedData.Create();
        var values = Copy(data, Modality.Image);
        values[(5 * PlantedData.ImageDimension) + 3] = float.PositiveInfinity;
        var recipe = TrainingRecipe.Parse(
            $$"""{ "epochs": 1, "batchSize": 12, "sharedDimension": 8, "modalities": { "image": { "transform": "{{transform}}" } } }""");
        var failure = Assert.Throws<FuseMixException>(
            () => new CpuFusionTrainer(1).Train(With(data, Modality.Image, values), recipe, new TrainingRun(1)));
        Assert.Equal(FailureKind.Corrupt, failure.Kind);
        Assert.Contains("row 5", failure.Message);
    }

    [Fact]
    public void Training_that_diverges_says_so_and_names_the_learning_rate()
    {
        var data = PlantedData.Create();
        var values = Copy(data, Modality.Image);

        // Finite, but their sum is not.
        for (var i = 0; i < values.Length; i++) values[i] = 3e38f;
        var recipe = TrainingRecipe.Parse("""{ "epochs": 3, "batchSize": 12, "sharedDimension": 8, "learningRate": 1 }""");
        var failure = Assert.Throws<FuseMixException>(
            () => new CpuFusionTrainer(1).Train(With(data, Modality.Image, values), recipe, new TrainingRun(1)));
        Assert.Contains("diverged", failure.Message);
        Assert.Contains("learningRate", failure.Remedy);
    }

    [Fact]
    public void Data_that_do_not_fit_together_are_refused()
    {
        var data = PlantedData.Create();
        var recipe = TrainingRecipe.Parse(Small);
        Refused("no list of pairs", data with { Pairs = [] });
        Refused("audio latents", data with { Pairs = [data.Pairs[0] with { Right = Modality.Audio }] });
        Refused("pairs image with itself", data with { Pairs = [data.Pairs[0] with { Right = Modality.Image }] });
        Refused("image row 5000", data with { Pairs = [data.Pairs[0] with { Train = new PairRows([5000], [0]) }] });
        Refused("1 left rows, 2 right rows", data with { Pairs = [data.Pairs[0] with { Train = new PairRows([1], [0, 1]) }] });
        Refused("no training pairs", data with { Pairs = [data.Pairs[0] with { Train = new PairRows([], []) }] });
        Refused(
            "no pairs with audio",
            data with
            {
                Latents = new Dictionary<Modality, LatentSource>(data.Latents) { [Modality.Audio] = data.Latents[Modality.Text] },
            });
        Refused("too few", data with { Pairs = [data.Pairs[0] with { Train = new PairRows([0, 1, 2], [0, 1, 2]) }] });

        void Refused(string what, TrainingData wrong) =>
            Assert.Contains(
                what, Assert.Throws<FuseMixException>(() => new CpuFusionTrainer(1).Train(wrong, recipe, new TrainingRun(1))).Message);
    }

    [Fact]
    public void Validation_without_validation_pairs_is_refused()
    {
        var recipe = TrainingRecipe.Parse(Small.Replace("\"steps\": 30", "\"steps\": 30, \"validateEveryEpochs\": 1"));
        var failure = Assert.Throws<FuseMixException>(
            () => new CpuFusionTrainer(1).Train(PlantedData.Create(validation: 0), recipe, new TrainingRun(1)));
        Assert.Contains("no validation pairs", failure.Message);
    }

    [Fact]
    public void An_identity_adapter_must_fit_the_shared_space_and_leave_something_to_train()
    {
        var narrow = TrainingRecipe.Parse(
            """{ "steps": 2, "sharedDimension": 16, "modalities": { "image": { "adapter": "identity" } } }""");
        var failure = Assert.Throws<FuseMixException>(
            () => new CpuFusionTrainer(1).Train(PlantedData.Create(), narrow, new TrainingRun(1)));
        Assert.Contains("'pictures' (20 dimensions)", failure.Message);
        Assert.Contains("'sharedDimension' to 20", failure.Remedy);

        var both = TrainingRecipe.Parse("""
            { "steps": 2, "sharedDimension": 8, "modalities": {
                "image": { "transform": "pca", "components": 8, "adapter": "identity" }, "text": { "transform": "pca", "components": 8, "adapter": "identity" } } }
            """);
        Assert.Contains(
            "nothing to train",
            Assert.Throws<FuseMixException>(() => new CpuFusionTrainer(1).Train(PlantedData.Create(), both, new TrainingRun(1))).Message);
    }

    [Fact]
    public void Training_in_bf16_is_refused_where_the_machine_cannot_and_else_follows_that_in_fp32()
    {
        var recipe = TrainingRecipe.Parse(Small.Replace("\"steps\": 30", "\"steps\": 60"));
        var rounded = recipe with { Precision = TrainingPrecision.Bf16 };
        if (!OneDnnBFloat16Products.IsSupported)
        {
            var failure = Assert.Throws<FuseMixException>(() => Losses(new CpuFusionTrainer(1), rounded));
            Assert.Equal(FailureKind.Unavailable, failure.Kind);
            Assert.Contains("'precision' to fp32", failure.Remedy);
            return;
        }

        var exact = Losses(new CpuFusionTrainer(1), recipe);
        var (losses, model) = Losses(new CpuFusionTrainer(1), rounded);
        Assert.NotEqual(exact.Losses, losses);
        for (var step = 0; step < losses.Length; step++) Assert.InRange(losses[step], 0.95 * exact.Losses[step], 1.05 * exact.Losses[step]);
        Assert.InRange(losses[^10..].Average(), 0.98 * exact.Losses[^10..].Average(), 1.02 * exact.Losses[^10..].Average());
        Assert.InRange(model.Temperature, 0.99 * exact.Model.Temperature, 1.01 * exact.Model.Temperature);

        // From a checkpoint, whose weights are fp32, as without one.
        using var folder = new TemporaryFolder();
        var resumed = new List<double>();
        var run = new TrainingRun(1, folder.Path, 7);
        using var stop = new CancellationTokenSource();
        Assert.Throws<OperationCanceledException>(() => new CpuFusionTrainer(1).Train(
            PlantedData.Create(),
            rounded,
            run,
            p =>
            {
                if (p.Step == 25) stop.Cancel();
            },
            stop.Token));
        new CpuFusionTrainer(1).Train(PlantedData.Create(), rounded, run, p => resumed.Add(p.Loss));
        Assert.Equal(losses[25..], resumed);
    }

    [Theory]
    [InlineData("")]
    [InlineData(", \"averageDecay\": 0.99")]
    [InlineData(", \"loss\": \"sigmoid\", \"negatives\": \"otherGroups\"")]
    [InlineData(", \"precision\": \"bf16\"")]
    public void A_step_allocates_nothing(string knob)
    {
        if (knob.Contains("bf16") && !OneDnnBFloat16Products.IsSupported) Assert.Skip("No bf16 here.");
        var data = PlantedData.Create();
        var recipe = TrainingRecipe.Parse(Small.Replace("\"steps\": 30", $"\"steps\": 30{knob}"));
        using var team = new ThreadTeam(1);
        var transforms = data.Latents.ToDictionary(l => l.Key, l => LatentTransform.None(l.Value.Latents.Dimension));
        var kernel = new PackedMatrixMultiply();
        using var session = new TrainingSession(
            data,
            recipe,
            1,
            transforms,
            team,
            kernel,
            layout => new FusionNetwork(
                layout, new TemperatureRange(0.07, 0.001, 0.5), 0.6, 1, team, kernel, recipe.Precision ?? TrainingPrecision.Fp32));
        session.Initialise(1);
        for (var i = 0; i < 12; i++) session.Step();
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 12; i++) session.Step();
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public void Latents_are_read_in_blocks_of_rows_and_only_those_that_pairs_name()
    {
        var data = PlantedData.Create(2600, 400);

        // Only every second training pair, and half of the validation.
        var pairs = data.Pairs[0];
        int[] train = [.. pairs.Train.Left.Where(row => row % 2 == 0)], validation = [.. pairs.Validation!.Left.Where(row => row % 2 == 0)];
        var counted = data.Latents.ToDictionary(l => l.Key, l => l.Value with { Latents = new CountingLatents(l.Value.Latents) });
        var streamed = new TrainingData(
            counted, [pairs with { Train = new PairRows(train, train), Validation = new PairRows(validation, validation) }]);
        var recipe = TrainingRecipe.Parse(
            Small.Replace("\"steps\": 30", "\"epochs\": 1, \"validateEveryEpochs\": 1").Replace("\"batchSize\": 12", "\"batchSize\": 50"));
        var steps = 0;
        new CpuFusionTrainer(1).Train(streamed, recipe, new TrainingRun(1), progress =>
        {
            steps++;
            foreach (var latents in Latents())
            {
                // A batch of 2 x 50 rows a step; with the last one the validation rows, in blocks.
                if (steps > 1) Assert.InRange(latents.Calls.Max(), 100, progress.Validation is null ? 100 : 256);
                if (steps > 1) Assert.Equal(progress.Validation is null ? 100 : 100 + validation.Length, latents.Calls.Sum());
                latents.Calls.Clear();
            }
        });
        Assert.Equal(13, steps);
        foreach (var latents in Latents())
        {
            // Beside those, a sample of 64 rows is read for the fingerprint.
            Assert.InRange(latents.Most, 100, 2048);
            Assert.InRange(latents.Rows.Count(row => row % 2 == 1), 0, 64);
        }

        IEnumerable<CountingLatents> Latents() => counted.Values.Select(source => (CountingLatents)source.Latents);
    }

    [Fact]
    public void Latents_side_by_side_are_one_line()
    {
        var both = new ConcatenatedLatents(new LatentMatrix([1, 2, 3, 4], 2), new LatentMatrix([5, 6], 1));
        var rows = new float[6];
        both.Gather([1, 0], rows);
        Assert.Equal([3, 4, 6, 1, 2, 5], rows);
        Assert.Equal((2, 3), (both.Count, both.Dimension));
        Assert.Throws<FuseMixException>(() => new ConcatenatedLatents(new LatentMatrix([1, 2], 1), new LatentMatrix([5], 1)));
    }

    [Fact]
    public void With_negatives_of_other_groups_copies_of_a_pair_are_not_told_apart()
    {
        // Every pair twice, in groups: one batch is one copy of each and the other, and the loss can go to 0.
        var plain = PlantedData.Create(30, 0);
        int[] twice = [.. Enumerable.Range(0, 30), .. Enumerable.Range(0, 30)];
        var data = plain with { Pairs = [plain.Pairs[0] with { Train = new PairRows(twice, twice, twice) }] };
        double Final(string negatives)
        {
            var losses = new List<double>();
            new CpuFusionTrainer(1).Train(
                data,
                TrainingRecipe.Parse(
                    $$"""{ "steps": 150, "augmentation": "none", "batchSize": 60, "dropout": 0, "sharedDimension": 32, "temperature": 0.05, "negatives": "{{negatives}}" }"""),
                new TrainingRun(2),
                p => losses.Add(p.Loss));
            return losses[^1];
        }

        // Of two equal pairs neither can have more than half.
        Assert.InRange(Final("all"), Math.Log(2) - 1e-3, 2);
        Assert.InRange(Final("otherGroups"), 0, 0.2);
    }

    /// <summary>Latents that remember what was asked of them.</summary>
    private sealed class CountingLatents(ILatentMatrix latents) : ILatentMatrix
    {
        public List<int> Calls { get; } = [];

        public HashSet<int> Rows { get; } = [];

        public int Most { get; private set; }

        public int Count => latents.Count;

        public int Dimension => latents.Dimension;

        public void Gather(ReadOnlySpan<int> rows, Span<float> destination)
        {
            Calls.Add(rows.Length);
            Most = Math.Max(Most, rows.Length);
            foreach (var row in rows) Rows.Add(row);
            latents.Gather(rows, destination);
        }
    }

    private static (double[] Losses, FusionModel Model) Losses(CpuFusionTrainer trainer, TrainingRecipe recipe, ulong seed = 1)
    {
        var losses = new List<double>();
        var model = trainer.Train(PlantedData.Create(), recipe, new TrainingRun(seed), p => losses.Add(p.Loss));
        return ([.. losses], model);
    }

    private static float[] Copy(TrainingData data, Modality modality)
    {
        var latents = data.Latents[modality].Latents;
        var values = new float[latents.Count * latents.Dimension];
        latents.Gather([.. Enumerable.Range(0, latents.Count)], values);
        return values;
    }

    private static TrainingData With(TrainingData data, Modality modality, float[] values)
    {
        var source = data.Latents[modality];
        var changed = new Dictionary<Modality, LatentSource>(data.Latents)
        {
            [modality] = source with { Latents = new LatentMatrix(values, source.Latents.Dimension) },
        };
        return data with { Latents = changed };
    }
}
