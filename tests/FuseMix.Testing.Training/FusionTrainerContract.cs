using System.Text.Json.Nodes;
using FuseMix.Training;
using FuseMix.Training.Adapters;
using FuseMix.Training.Kernels;
using FuseMix.Training.Models;
using FuseMix.Training.Normalisation;
using FuseMix.Training.Recipe;
using FuseMix.Training.Threading;

namespace FuseMix.Testing.Training;

/// <summary>What every trainer must do, whatever its device.</summary>
public abstract class FusionTrainerContract
{
    private const string Small = """
        { "steps": 20, "sharedDimension": 16, "batchSize": 12, "dropout": 0.3, "learningRate": 0.003,
          "modalities": { "image": { "transform": "pca", "components": 12 }, "text": { "transform": "standardise" } } }
        """;

    /// <summary>The trainer that is held to it.</summary>
    private protected abstract FusionTrainer Trainer { get; }

    [Fact]
    public void Planted_pairs_are_found_far_above_chance()
    {
        var data = PlantedData.Create(600, 60);
        var recipe = TrainingRecipe.Parse(
            """{ "steps": 150, "sharedDimension": 16, "batchSize": 64, "dropout": 0.1, "learningRate": 0.003 }""");
        var model = Trainer.Train(data, recipe, new TrainingRun(1));
        var report = FusionTrainer.Evaluate(model, data, data.Pairs[0], data.Pairs[0].Validation!);

        // Chance is 1.7 % at R@1.
        Assert.True(report.Forward.At1 > 30 && report.Backward.At1 > 30, $"R@1 {report.Forward.At1} and {report.Backward.At1}");
        Assert.Contains(Trainer.Device, model.Training.Device);
    }

    [Theory]
    [InlineData("")]
    [InlineData(""", "loss": "sigmoid" """)]
    [InlineData(""", "negatives": "otherGroups" """)]
    [InlineData(""", "negatives": "otherGroups", "loss": "sigmoid" """)]
    [InlineData(""", "averageDecay": 0.9, "noiseSigma": 0.05, "alphaEnd": 3 """)]
    [InlineData(""", "depth": 0, "batchSize": 80 """)]
    public void Without_dropout_losses_and_weights_are_those_of_the_CPU(string more)
    {
        var data = PlantedData.Create(audio: true);
        var groups = Enumerable.Range(0, 160).Select(i => i / 3).ToArray();
        data = data with { Pairs = [.. data.Pairs.Select(p => p with { Train = p.Train with { Groups = groups } })] };
        var json = $$"""{ "steps": 25, "sharedDimension": 12, "dropout": 0, "learningRate": 0.003{{(more.Contains("batchSize") ? "" : ", \"batchSize\": 24")}}{{more}} }""";
        var recipe = TrainingRecipe.Parse(json);
        var (expected, cpu) = Losses(new CpuFusionTrainer(1, MatrixKernel.Own), data, recipe);
        var (actual, other) = Losses(Trainer, data, recipe);
        Assert.Equal(expected.Length, actual.Length);
        for (var i = 0; i < expected.Length; i++) Assert.Equal(expected[i], actual[i], 1e-3 * Math.Max(1, Math.Abs(expected[i])));
        Assert.Equal(cpu.Temperature, other.Temperature, 1e-4);
        foreach (var modality in cpu.Modalities)
        {
            var (one, two) = (Embeddings(cpu, data, modality), Embeddings(other, data, modality));
            for (var i = 0; i < one.Length; i++) Assert.Equal(one[i], two[i], 5e-3f);
        }
    }

    [Theory]
    [InlineData(7, "")]
    [InlineData(19, "")]
    [InlineData(7, ", \"averageDecay\": 0.9")]
    public void A_run_that_was_stopped_goes_on_as_if_it_never_had(int stopAfter, string more)
    {
        var data = PlantedData.Create();
        var recipe = TrainingRecipe.Parse(
            Small.Replace("\"steps\": 20", $"\"steps\": 20, \"validateEveryEpochs\": 1, \"keepBest\": true{more}"));
        var trainer = Trainer;
        var whole = new List<TrainingProgress>();
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
        Assert.Equal(expected.Fingerprint, resumed.Fingerprint);
        Assert.Equal(stopAfter, parts[^1].ResumedFrom);

        void Observe(TrainingProgress progress)
        {
            parts.Add(progress);
            if (progress.Step == stopAfter) stop.Cancel();
        }
    }

    [Fact]
    public void The_best_validated_weights_are_kept_where_the_recipe_says_so()
    {
        var data = PlantedData.Create();
        var recipe = TrainingRecipe.Parse(
            """{ "epochs": 8, "sharedDimension": 16, "batchSize": 12, "learningRate": 0.05, "validateEveryEpochs": 2, "keepBest": true }""");
        var model = Trainer.Train(data, recipe, new TrainingRun(1));
        var best = model.Training.Validations.MaxBy(v => v.Mean)!;
        Assert.Equal(best.Step, model.Training.KeptStep);
        Assert.Equal(best.Mean, FusionTrainer.Evaluate(model, data, data.Pairs[0], data.Pairs[0].Validation!).Mean, 1e-9);
    }

    [Fact]
    public void The_averages_of_all_weights_are_validated_and_kept()
    {
        var data = PlantedData.Create();
        var steps = Enumerable.Range(1, 6).Select(n => Train($"{{ \"steps\": {n} }}")).ToArray();
        var start = Train("""{ "steps": 1, "learningRate": 1e-12, "learningRateFloor": 0, "weightDecay": 0 }""");
        var expected = Weights(start);
        for (var n = 1; n <= 6; n++)
        {
            var keep = Math.Min(0.4, (1.0 + n) / (10 + n));
            expected = [.. expected.Zip(Weights(steps[n - 1]), (average, weight) => (keep * average) + ((1 - keep) * weight))];
        }

        var averaged = Train("""{ "steps": 6, "averageDecay": 0.4, "validateEveryEpochs": 1 }""");
        foreach (var (average, actual) in expected.Zip(Weights(averaged))) Assert.Equal(average, actual, 1e-6);
        Assert.NotEqual(Weights(steps[5]), Weights(averaged));
        Assert.Equal(
            averaged.Training.Validations[^1].Mean,
            FusionTrainer.Evaluate(averaged, data, data.Pairs[0], data.Pairs[0].Validation!).Mean,
            1e-9);

        // All within the first epoch, so that runs of different lengths have the same learning rates.
        FusionModel Train(string changes)
        {
            var recipe = JsonNode.Parse(changes)!.AsObject();
            foreach (var (key, value) in JsonNode.Parse("""{ "sharedDimension": 8, "batchSize": 8, "depth": 1 }""")!.AsObject())
                recipe[key] = value!.DeepClone();
            return Trainer.Train(data, TrainingRecipe.Parse(recipe.ToJsonString()), new TrainingRun(4));
        }

        static double[] Weights(FusionModel model) =>
        [
            model.Temperature,
            .. model.Modalities.SelectMany(m => model.Branch(m).Shape.Parameters.SelectMany(p => model.Branch(m).Values(p).ToArray()))
                .Select(v => (double)v),
        ];
    }

    [Fact]
    public void Averages_stay_on_the_device_until_somebody_asks_for_them()
    {
        var data = PlantedData.Create();
        var recipe = TrainingRecipe.Parse("""{ "steps": 5, "sharedDimension": 8, "batchSize": 8, "averageDecay": 0.4 }""");
        using var team = new ThreadTeam(1);
        var transforms = data.Latents.ToDictionary(l => l.Key, l => LatentTransform.None(l.Value.Latents.Dimension));
        CountingNetwork? counted = null;
        using var session = new TrainingSession(
            data, recipe, 1, transforms, team, Trainer.Kernel,
            layout => counted = new CountingNetwork(Trainer.CreateNetwork(layout, recipe, 1, team)));
        session.Initialise(1);
        var before = session.Weights();
        for (var i = 0; i < 5; i++) session.Step();
        Assert.Equal(1, counted!.Pulls);
        Assert.NotEqual(before, session.Weights());
        Assert.Equal(2, counted.Pulls);
    }

    [Fact]
    public void Latents_that_are_no_numbers_are_found_and_named()
    {
        var failure = Failure(
            i => i == (17 * PlantedData.ImageDimension) + 3, float.NaN, """{ "epochs": 1, "batchSize": 12, "sharedDimension": 8 }""");
        Assert.Equal(FailureKind.Corrupt, failure.Kind);
        Assert.Contains("image latent in row 17", failure.Message);
    }

    [Fact]
    public void Training_that_diverges_says_so_and_names_the_learning_rate()
    {
        // Finite, but their sum is not.
        var failure = Failure(_ => true, 3e38f, """{ "epochs": 3, "batchSize": 12, "sharedDimension": 8, "learningRate": 1 }""");
        Assert.Contains("diverged", failure.Message);
        Assert.Contains("learningRate", failure.Remedy);
    }

    /// <summary>The losses of a run, and its model.</summary>
    private protected static (double[] Losses, FusionModel Model) Losses(FusionTrainer trainer, TrainingData data, TrainingRecipe recipe)
    {
        var losses = new List<double>();
        var model = trainer.Train(data, recipe, new TrainingRun(3), p => losses.Add(p.Loss));
        return ([.. losses], model);
    }

    private static float[] Embeddings(FusionModel model, TrainingData data, Modality modality) =>
        model.Embed(modality, data.Latents[modality].Latents, [.. Enumerable.Range(0, 20)]);

    private FuseMixException Failure(Func<int, bool> which, float value, string recipe)
    {
        var data = PlantedData.Create();
        var source = data.Latents[Modality.Image];
        var values = new float[source.Latents.Count * source.Latents.Dimension];
        source.Latents.Gather([.. Enumerable.Range(0, source.Latents.Count)], values);
        for (var i = 0; i < values.Length; i++) values[i] = which(i) ? value : values[i];
        var latents = new Dictionary<Modality, LatentSource>(data.Latents)
        {
            [Modality.Image] = source with { Latents = new LatentMatrix(values, source.Latents.Dimension) },
        };
        return Assert.Throws<FuseMixException>(
            () => Trainer.Train(data with { Latents = latents }, TrainingRecipe.Parse(recipe), new TrainingRun(1)));
    }

    /// <summary>A network that counts how often it is read.</summary>
    private sealed unsafe class CountingNetwork(IFusionNetwork network) : IFusionNetwork
    {
        public int Pulls { get; private set; }

        public NetworkLayout Layout => network.Layout;

        public NetworkState State => network.State;

        public float Temperature => network.Temperature;

        public float* Input(Modality modality) => network.Input(modality);

        public void Begin() => network.Begin();

        public double Accumulate(int list, StepBatch batch) => network.Accumulate(list, batch);

        public void Update(AdamW adamW) => network.Update(adamW);

        public void Average(float keep) => network.Average(keep);

        public void Pull()
        {
            Pulls++;
            network.Pull();
        }

        public void Push() => network.Push();

        public void Dispose() => network.Dispose();
    }
}
