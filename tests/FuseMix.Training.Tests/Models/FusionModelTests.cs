using FuseMix.Testing;
using FuseMix.Testing.Training;
using FuseMix.Training.Baselines;
using FuseMix.Training.Models;
using FuseMix.Training.Recipe;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace FuseMix.Training.Tests.Models;

public sealed class FusionModelTests
{
    private static readonly TrainingData Data = PlantedData.Create(audio: true);

    private static readonly Lazy<FusionModel> Trained = new(() => new CpuFusionTrainer(1).Train(
        Data,
        TrainingRecipe.Parse("""
            { "steps": 20, "sharedDimension": 9, "batchSize": 16, "validateEveryEpochs": 2,
              "modalities": { "image": { "transform": "pca", "components": 12 }, "text": { "transform": "standardise" }, "audio": { "adapter": "identity" } } }
            """),
        new TrainingRun(5)));

    private static readonly Lazy<FusionModel> Baseline = new(() => CanonicalCorrelation.Fit(PlantedData.Create(), components: 6));

    private static readonly Lazy<FusionModel> Whitened = new(() => new CpuFusionTrainer(1).Train(
        PlantedData.Create(),
        TrainingRecipe.Parse("""
            { "steps": 4, "sharedDimension": 9, "batchSize": 16, "modalities": { "image": { "transform": "whiten", "components": 12 }, "text": { "transform": "whiten", "shrinkage": 0.5 } } }
            """),
        new TrainingRun(5)));

    public static TheoryData<string> Models => ["trained", "cca", "whitened"];

    [Theory]
    [MemberData(nameof(Models))]
    public void A_saved_model_loads_to_the_same_embeddings_and_facts(string which)
    {
        var model = Model(which);
        using var folder = new TemporaryFolder();
        model.Save(folder["my-model"]);
        var loaded = FusionModel.Load(folder["my-model"]);
        Assert.Equal("my-model", loaded.Name);
        Assert.Equal(model.Fingerprint, loaded.Fingerprint);
        Assert.Equal((model.SharedDimension, model.Temperature, model.Seed), (loaded.SharedDimension, loaded.Temperature, loaded.Seed));
        Assert.Equal(model.Recipe?.ToJson(), loaded.Recipe?.ToJson());
        Assert.Equal(model.Training.Validations.Select(v => v.Mean), loaded.Training.Validations.Select(v => v.Mean));
        Assert.Equal(model.Training.Data, loaded.Training.Data);
        foreach (var modality in model.Modalities)
        {
            Assert.Equal(model.Source(modality), loaded.Source(modality));
            var latents = Data.Latents[modality].Latents;
            Assert.Equal(model.Embed(modality, latents), loaded.Embed(modality, latents));
        }
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void Embeddings_have_unit_length_and_do_not_depend_on_their_neighbours(string which)
    {
        var model = Model(which);
        foreach (var modality in model.Modalities)
        {
            // More than one block, in several cuts.
            var latents = Data.Latents[modality].Latents;
            int[] rows = [.. Enumerable.Range(0, 700).Select(i => i * 7 % latents.Count)];
            var all = model.Embed(modality, latents, rows);
            for (var r = 0; r < rows.Length; r++)
            {
                var row = all.AsSpan(r * model.SharedDimension, model.SharedDimension).ToArray();
                Assert.Equal(1, row.Sum(v => (double)v * v), 1e-5);
                if (r % 97 == 0) Assert.Equal(row, model.Embed(modality, latents, [rows[r]]));
            }
        }
    }

    [Fact]
    public void The_bias_of_the_sigmoid_loss_is_kept_and_InfoNCE_has_none()
    {
        var model = new CpuFusionTrainer(1).Train(
            PlantedData.Create(),
            TrainingRecipe.Parse("""{ "steps": 5, "sharedDimension": 9, "batchSize": 16, "loss": "sigmoid", "bias": -3 }"""),
            new TrainingRun(5));
        Assert.InRange(model.Bias!.Value, -3.1, -2.9);
        Assert.NotEqual(-3, model.Bias);
        using var folder = new TemporaryFolder();
        model.Save(folder["m"]);
        Assert.Equal(model.Bias, FusionModel.Load(folder["m"]).Bias);
        Model("trained").Save(folder["n"]);
        Assert.Null(FusionModel.Load(folder["n"]).Bias);
        Assert.DoesNotContain("\"bias\"", File.ReadAllText(Path.Combine(folder["n"], "model.json")));
    }

    [Fact]
    public void A_model_says_what_job_made_it_as_long_as_its_files_are_whole()
    {
        var (model, job) = (Model("trained"), new TrainingJob("job-1", DateTimeOffset.UnixEpoch.AddTicks(1)));
        Assert.Null(model.Training.Job);
        using var folder = new TemporaryFolder();
        model.MadeBy(job).Save(folder["m"]);
        var loaded = FusionModel.Load(folder["m"]);
        Assert.Equal((job, model.Fingerprint), (loaded.Training.Job, loaded.Fingerprint));

        var origin = FusionModel.ReadOrigin(folder["m"]);
        Assert.Equal((job, model.Seed, model.Temperature), (origin.Training.Job, origin.Seed, origin.Temperature));
        Assert.Equal(model.Recipe!.Fingerprint(), origin.Recipe!.Fingerprint());
        Assert.Equal(FailureKind.NotFound, Assert.Throws<FuseMixException>(() => FusionModel.ReadOrigin(folder["none"])).Kind);
        var weights = Directory.EnumerateFiles(folder["m"], "*.safetensors").First();
        File.WriteAllBytes(weights, File.ReadAllBytes(weights)[..^1]);
        Assert.Equal(FailureKind.Corrupt, Assert.Throws<FuseMixException>(() => FusionModel.ReadOrigin(folder["m"])).Kind);
        File.Delete(weights);
        Assert.Equal(FailureKind.NotFound, Assert.Throws<FuseMixException>(() => FusionModel.ReadOrigin(folder["m"])).Kind);
        File.WriteAllText(Path.Combine(folder["m"], "model.json"), "{");
        Assert.Equal(FailureKind.Corrupt, Assert.Throws<FuseMixException>(() => FusionModel.ReadOrigin(folder["m"])).Kind);
    }

    [Fact]
    public async Task Many_threads_may_embed_at_once()
    {
        var model = Model("trained");
        var latents = Data.Latents[Modality.Image].Latents;
        var expected = model.Embed(Modality.Image, latents);
        var results = await Task.WhenAll(Enumerable.Range(0, 16).Select(_ => Task.Run(() => model.Embed(Modality.Image, latents))));
        Assert.All(results, r => Assert.Equal(expected, r));
    }

    [Theory]
    [InlineData("trained", Modality.Image)]
    [InlineData("trained", Modality.Text)]
    [InlineData("trained", Modality.Audio)]
    [InlineData("cca", Modality.Image)]
    [InlineData("whitened", Modality.Image)]
    public void The_exported_file_gives_the_same_embeddings_in_ONNX_Runtime(string which, Modality modality)
    {
        var model = Model(which);
        using var folder = new TemporaryFolder();
        model.Save(folder["m"]);
        var file = Assert.Single(Directory.GetFiles(folder["m"], $"{modality.ToString().ToLowerInvariant()}-*.onnx"));
        var latents = Data.Latents[modality].Latents;
        var values = new float[50 * latents.Dimension];
        latents.Gather([.. Enumerable.Range(0, 50)], values);
        using var session = new InferenceSession(file);
        using var results = session.Run(
            [NamedOnnxValue.CreateFromTensor("latents", new DenseTensor<float>(values, [50, latents.Dimension]))]);
        var actual = Assert.Single(results).AsTensor<float>();
        var expected = model.Embed(modality, values, 50);
        Assert.Equal([50, model.SharedDimension], actual.Dimensions.ToArray());
        for (var i = 0; i < expected.Length; i++) Assert.Equal(expected[i], actual.GetValue(i), 2e-5f);
    }

    [Fact]
    public void Latents_of_another_dimension_are_refused_naming_encoder_and_both()
    {
        var model = Model("trained");
        var stored = Assert.Throws<FuseMixException>(() => model.Embed(Modality.Image, new LatentMatrix(new float[14], 7)));
        var inMemory = Assert.Throws<FuseMixException>(() => model.Embed(Modality.Image, new float[14], 2));
        Assert.All([stored, inMemory], failure =>
        {
            Assert.Contains("'pictures'", failure.Message);
            Assert.Contains("20", failure.Message);
            Assert.Contains("7", failure.Message);
        });
    }

    [Theory]
    [InlineData(0f, "all zeros")]
    [InlineData(float.NaN, "not a finite number")]
    [InlineData(float.PositiveInfinity, "not a finite number")]
    public void A_latent_without_meaning_is_refused_by_its_row(float value, string why)
    {
        var values = Enumerable.Repeat(1f, 3 * PlantedData.TextDimension).ToArray();
        if (value == 0) Array.Clear(values, 2 * PlantedData.TextDimension, PlantedData.TextDimension);
        else values[(2 * PlantedData.TextDimension) + 5] = value;
        var failure = Assert.Throws<FuseMixException>(() => Model("trained").Embed(Modality.Text, values, 3));
        Assert.Contains("Latent 2 of encoder 'words'", failure.Message);
        Assert.Contains(why, failure.Message);
    }

    [Fact]
    public void A_bad_latent_in_a_later_block_is_named_by_its_row()
    {
        var values = Enumerable.Repeat(1f, 600 * PlantedData.TextDimension).ToArray();
        values[(555 * PlantedData.TextDimension) + 5] = float.NaN;
        Assert.Contains("Latent 555", Assert.Throws<FuseMixException>(() => Model("trained").Embed(Modality.Text, values, 600)).Message);
    }

    [Fact]
    public void A_modality_that_the_model_lacks_is_refused_naming_those_it_has()
    {
        var failure = Assert.Throws<FuseMixException>(() => Model("cca").Embed(Modality.Audio, new float[9], 1));
        Assert.Contains("no adapter for audio", failure.Message);
        Assert.Contains("image and text", failure.Remedy);
    }

    [Fact]
    public void Nothing_embeds_to_nothing() => Assert.Empty(Model("cca").Embed(Modality.Image, [], 0));

    [Fact]
    public void Models_of_the_same_weights_by_another_recipe_are_two()
    {
        const string Other = """{ "steps": 4, "sharedDimension": 9, "batchSize": 16, "validateEveryEpochs": 3, "modalities": { "image": { "transform": "standardise" } } }""";
        var (one, two) = (Train(Other.Replace("\"validateEveryEpochs\": 3, ", "")), Train(Other));
        var latents = PlantedData.Create().Latents[Modality.Text].Latents;
        Assert.Equal(one.Embed(Modality.Text, latents), two.Embed(Modality.Text, latents));
        Assert.NotEqual(one.Fingerprint, two.Fingerprint);
        Assert.Equal(one.Fingerprint, Train(Other.Replace("\"validateEveryEpochs\": 3, ", "")).Fingerprint);

        static FusionModel Train(string recipe) =>
            new CpuFusionTrainer(1).Train(PlantedData.Create(), TrainingRecipe.Parse(recipe), new TrainingRun(5));
    }

    [Fact]
    public void The_same_model_gives_the_same_bytes()
    {
        using var folder = new TemporaryFolder();
        Model("trained").Save(folder["a"]);
        Model("trained").Save(folder["b"]);
        var (a, b) = (Directory.GetFiles(folder["a"]).Order().ToArray(), Directory.GetFiles(folder["b"]).Order().ToArray());
        Assert.Equal(a.Select(Path.GetFileName), b.Select(Path.GetFileName));
        foreach (var (x, y) in a.Zip(b)) Assert.Equal(File.ReadAllBytes(x), File.ReadAllBytes(y));
    }

    [Fact]
    public void A_missing_model_is_said_to_be_missing() =>
        Assert.Equal(FailureKind.NotFound, Assert.Throws<FuseMixException>(() => FusionModel.Load("/nowhere/at-all")).Kind);

    [Fact]
    public void Altered_weights_are_refused_by_name()
    {
        using var folder = new TemporaryFolder();
        Model("trained").Save(folder["m"]);
        var weights = Directory.GetFiles(folder["m"], "text-*.safetensors").Single();
        var bytes = File.ReadAllBytes(weights);
        bytes[^3] ^= 0x40;
        File.WriteAllBytes(weights, bytes);
        var failure = Assert.Throws<FuseMixException>(() => FusionModel.Load(folder["m"]));
        Assert.Equal(FailureKind.Corrupt, failure.Kind);
        Assert.Contains(Path.GetFileName(weights), failure.Message);
    }

    [Theory]
    [InlineData("\"latentDimension\": 20", "\"latentDimension\": 21", "transform.mean")]
    [InlineData("\"depth\": 2", "\"depth\": 3", "tensor '2.ln.weight' is missing")]
    [InlineData("\"depth\": 2", "\"depth\": 1", "tensor '1.weight' is missing")]
    [InlineData("\"depth\": 2", "\"depth\": 9999", "impossible sizes")]
    [InlineData("\"adapterInput\": 12", "\"adapterInput\": -1", "impossible sizes")]
    [InlineData("\"adapter\": \"mlp\"", "\"adapter\": \"linear\"", "tensor 'weight' is missing")]
    [InlineData("\"sharedDimension\": 9,\n  \"temperature\"", "\"sharedDimension\": 8,\n  \"temperature\"", "not F32 [8, 12]")]
    [InlineData("\"formatVersion\": 2", "\"formatVersion\": 3", "format 3")]
    [InlineData("\"encoder\"", "\"encodre\"", "encodre")]
    [InlineData("\"weights\": \"", "\"weights\": \"../", "not the name of a file")]
    public void A_description_that_does_not_fit_its_weights_is_refused(string old, string changed, string named)
    {
        using var folder = new TemporaryFolder();
        Model("trained").Save(folder["m"]);
        var path = Path.Combine(folder["m"], "model.json");
        var text = File.ReadAllText(path);
        var at = text.IndexOf(old, StringComparison.Ordinal);
        Assert.True(at >= 0, $"{old} is not in the description.");
        File.WriteAllText(path, string.Concat(text.AsSpan(0, at), changed, text.AsSpan(at + old.Length)));
        Assert.Contains(named, Assert.Throws<FuseMixException>(() => FusionModel.Load(folder["m"])).Message);
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("{ \"formatVersion\": ")]
    public void A_description_that_is_none_is_refused(string text)
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["model.json"], text);
        Assert.Equal(FailureKind.Corrupt, Assert.Throws<FuseMixException>(() => FusionModel.Load(folder.Path)).Kind);
    }

    private static FusionModel Model(string which) => (which switch { "cca" => Baseline, "whitened" => Whitened, _ => Trained }).Value;
}
