using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using FuseMix.Core.Mixing;
using FuseMix.Testing.Training;
using FuseMix.Training.Adapters;
using FuseMix.Training.Normalisation;
using FuseMix.Training.Recipe;

namespace FuseMix.Training.Tests.Recipe;

public sealed class TrainingRecipeTests
{
    [Fact]
    public void Every_preset_is_valid_and_survives_JSON()
    {
        foreach (var name in TrainingRecipe.PresetNames)
        {
            var recipe = TrainingRecipe.Preset(name);
            recipe.Validate();
            Assert.Equal(recipe.ToJson(), TrainingRecipe.Parse(recipe.ToJson()).ToJson());
            Assert.Equal(recipe.Fingerprint(), TrainingRecipe.Parse($$"""{ "preset": "{{name}}" }""").Fingerprint());
        }
    }

    [Fact]
    public void The_small_preset_is_the_measured_setting()
    {
        var small = TrainingRecipe.Preset("small");
        Assert.Equal(
            (1, 0.6, 512, 1e-3, 0.1, 512, 400),
            (small.Depth, small.Dropout, small.SharedDimension, small.LearningRate, small.WeightDecay, small.BatchSize, small.Steps));
        Assert.Equal((Augmentation.FuseMix, 0.02), (small.Augmentation, small.NoiseSigma));
        Assert.Equal((TransformKind.Whiten, 256), (small.Of(Modality.Image).Transform, small.Of(Modality.Image).Components));
        Assert.Equal(TransformKind.None, small.Of(Modality.Text).Transform);
        Assert.False(small.KeepBest);
    }

    [Theory]
    [InlineData("fuseMix")]
    [InlineData("none")]
    [InlineData("randomQuantization")]
    public void An_augmentation_that_is_given_replaces_the_preset_s_noise(string word)
    {
        Assert.Null(TrainingRecipe.Parse($$"""{ "preset": "small", "augmentation": "{{word}}" }""").NoiseSigma);
        Assert.Equal(0.3, TrainingRecipe.Parse("""{ "preset": "small", "augmentation": "gaussianNoise", "noiseSigma": 0.3 }""").NoiseSigma);
    }

    [Fact]
    public void The_presets_of_the_paper_are_its_settings()
    {
        var (image, audio, clip) =
            (TrainingRecipe.Preset("image-text"), TrainingRecipe.Preset("audio-text"), TrainingRecipe.Preset("audio-to-clip"));
        Assert.Equal((4, 20_000, 500, 1e-3, 0.1), (image.Depth, image.BatchSize, image.Epochs, image.LearningRate, image.WeightDecay));
        Assert.Equal((2, 2_000, 50, 1e-4, 0.5), (audio.Depth, audio.BatchSize, audio.Epochs, audio.LearningRate, audio.WeightDecay));
        Assert.Equal((2, 2_000, 50, 1e-4, 0.5), (clip.Depth, clip.BatchSize, clip.Epochs, clip.LearningRate, clip.WeightDecay));
        Assert.All([image, audio, clip], recipe =>
        {
            Assert.Equal(
                (4, 0.6, 1e-6, 0.9, 0.999), (recipe.Expansion, recipe.Dropout, recipe.LearningRateFloor, recipe.Beta1, recipe.Beta2));
            Assert.Equal((0.07, 0.001, 0.5), (recipe.Temperature, recipe.TemperatureLeast, recipe.TemperatureMost));
            Assert.True(recipe.KeepBest);
        });
        Assert.Equal((512, 512, (int?)null), (image.SharedDimension, audio.SharedDimension, clip.SharedDimension));
        Assert.Equal(
            (AdapterKind.Mlp, AdapterKind.Identity, AdapterKind.Identity),
            (clip.Of(Modality.Audio).Adapter, clip.Of(Modality.Text).Adapter, clip.Of(Modality.Image).Adapter));
    }

    [Fact]
    public void The_shared_dimension_is_left_to_an_identity_adapter_only_where_it_is_not_given()
    {
        const string Identity = """{ "steps": 5, "modalities": { "text": { "adapter": "identity" } } }""";
        Assert.Null(TrainingRecipe.Parse(Identity).SharedDimension);
        Assert.Equal(TrainingRecipe.Parse(Identity).ToJson(), TrainingRecipe.Parse(TrainingRecipe.Parse(Identity).ToJson()).ToJson());
        Assert.Equal(64, TrainingRecipe.Parse(Identity.Replace("\"steps\": 5", "\"steps\": 5, \"sharedDimension\": 64")).SharedDimension);
        Assert.Equal(512, TrainingRecipe.Parse("""{ "preset": "audio-to-clip", "sharedDimension": 512 }""").SharedDimension);
        Assert.Contains(
            "'sharedDimension'",
            Assert.Throws<FuseMixException>(() => new TrainingRecipe { Steps = 1, SharedDimension = null }.Validate()).Message);
    }

    [Fact]
    public void What_a_recipe_leaves_out_has_its_default()
    {
        var recipe = TrainingRecipe.Parse("""{ "steps": 10 }""");
        Assert.Equal(new TrainingRecipe { Steps = 10 }.ToJson(), recipe.ToJson());
        Assert.Equal(512, recipe.SharedDimension);
    }

    [Fact]
    public void Keys_change_a_preset_and_epochs_replace_its_steps()
    {
        var recipe = TrainingRecipe.Parse(
            """{ "preset": "small", "epochs": 7, "depth": 3, /* why not */ "modalities": { "image": { "transform": "standardise" } } }""");
        Assert.Equal((7, null, 3), (recipe.Epochs, recipe.Steps, recipe.Depth));
        Assert.Equal(TransformKind.Standardise, recipe.Of(Modality.Image).Transform);
    }

    [Theory]
    [InlineData("""{ "steps": 5, "dropuot": 0.5 }""", "'dropuot'", "'dropout'")]
    [InlineData("""{ "steps": 5, "modalities": { "image": { "transfrom": "pca" } } }""", "modalities.image.transfrom", "transform")]
    [InlineData("""{ "steps": 5, "modalities": { "imgae": { "transform": "pca" } } }""", "imgae", "image")]
    [InlineData("""{ "steps": 5, "augmentation": "fusemixx" }""", "fusemixx", "fuseMix")]
    [InlineData("""{ "preset": "smal" }""", "smal", "small")]
    public void A_wrong_key_or_word_is_refused_with_the_nearest_right_one(string json, string wrong, string right)
    {
        var failure = Assert.Throws<FuseMixException>(() => TrainingRecipe.Parse(json));
        Assert.Contains(wrong, failure.Message);
        Assert.Contains(right, failure.Advice);
    }

    [Theory]
    [InlineData("""{ "steps": 5, "dropout": 1 }""", "dropout")]
    [InlineData("""{ "steps": 5, "depth": 65 }""", "depth")]
    [InlineData("""{ "steps": 5, "expansion": 0 }""", "expansion")]
    [InlineData("""{ "steps": 5, "sharedDimension": 1 }""", "sharedDimension")]
    [InlineData("""{ "steps": 5, "batchSize": 1 }""", "batchSize")]
    [InlineData("""{ "steps": 0 }""", "steps")]
    [InlineData("""{ "epochs": -3 }""", "epochs")]
    [InlineData("""{ "steps": 5, "learningRate": 0 }""", "learningRate")]
    [InlineData("""{ "steps": 5, "learningRateFloor": 0.01 }""", "learningRateFloor")]
    [InlineData("""{ "steps": 5, "weightDecay": -0.1 }""", "weightDecay")]
    [InlineData("""{ "steps": 5, "beta1": 1 }""", "beta1")]
    [InlineData("""{ "steps": 5, "beta2": 1 }""", "beta2")]
    [InlineData("""{ "steps": 5, "epsilon": 0 }""", "epsilon")]
    [InlineData("""{ "steps": 5, "temperature": 0.9 }""", "temperature")]
    [InlineData("""{ "steps": 5, "temperatureLeast": 0 }""", "temperatureLeast")]
    [InlineData("""{ "steps": 5, "temperatureMost": 0.0001 }""", "temperatureMost")]
    [InlineData("""{ "steps": 5, "averageDecay": 1 }""", "averageDecay")]
    [InlineData("""{ "steps": 5, "loss": "sigmoid", "bias": -101 }""", "bias")]
    [InlineData("""{ "steps": 5, "validateEveryEpochs": 1, "keepBest": true, "patience": 0 }""", "patience")]
    [InlineData("""{ "steps": 5, "alphaEnd": 101 }""", "alphaEnd")]
    [InlineData("""{ "steps": 5, "alpha": 0 }""", "alpha")]
    [InlineData("""{ "steps": 5, "augmentation": "gaussianNoise", "noiseSigma": 0 }""", "noiseSigma")]
    [InlineData("""{ "steps": 5, "augmentation": "randomQuantization", "quantizationBins": 1 }""", "quantizationBins")]
    [InlineData("""{ "steps": 5, "validateEveryEpochs": 0 }""", "validateEveryEpochs")]
    [InlineData("""{ "steps": 5, "modalities": { "image": { "transform": "pca", "components": 0 } } }""", "modalities.image.components")]
    [InlineData("""{ "steps": 5, "modalities": { "image": { "transform": "whiten", "shrinkage": 1.5 } } }""", "modalities.image.shrinkage")]
    public void A_value_out_of_its_range_is_refused_by_its_key(string json, string key) =>
        Assert.Contains($"'{key}'", Assert.Throws<FuseMixException>(() => TrainingRecipe.Parse(json)).Message);

    [Theory]
    [InlineData("""{ }""", "'steps' or 'epochs'")]
    [InlineData("""{ "steps": 5, "epochs": 5 }""", "'steps' or 'epochs'")]
    [InlineData("""{ "steps": 5, "augmentation": "none", "alpha": 1 }""", "'alpha' has no effect")]
    [InlineData("""{ "steps": 5, "augmentation": "none", "mixing": "halves" }""", "'mixing' has no effect")]
    [InlineData("""{ "steps": 5, "augmentation": "none", "noiseSigma": 0.1 }""", "'noiseSigma' has no effect")]
    [InlineData("""{ "steps": 5, "augmentation": "randomQuantization", "noiseSigma": 0.1 }""", "'noiseSigma' has no effect")]
    [InlineData("""{ "steps": 5, "quantizationBins": 4 }""", "'quantizationBins' has no effect")]
    [InlineData("""{ "steps": 5, "bias": -10 }""", "'bias' has no effect")]
    [InlineData("""{ "steps": 5, "validateEveryEpochs": 1, "patience": 2 }""", "'patience' has no effect")]
    [InlineData("""{ "steps": 5, "augmentation": "none", "alphaEnd": 2 }""", "'alphaEnd' has no effect")]
    [InlineData("""{ "epochs": 1, "alphaEnd": 2 }""", "'alphaEnd' has no effect")]
    [InlineData("""{ "steps": 5, "keepBest": true }""", "'keepBest' without validation")]
    [InlineData("""{ "steps": 5, "modalities": { "text": { "components": 4 } } }""", "'modalities.text.components' has no effect")]
    [InlineData("""{ "steps": 5, "modalities": { "text": { "transform": "pca", "shrinkage": 0.5 } } }""", "'modalities.text.shrinkage' has no effect")]
    [InlineData("""{ "steps": 5, "modalities": { "text": { "adapter": "linear" } } }""", "cannot be linear")]
    public void Keys_that_contradict_each_other_are_refused(string json, string what) =>
        Assert.Contains(what, Assert.Throws<FuseMixException>(() => TrainingRecipe.Parse(json)).Message);

    [Theory]
    [InlineData("[]")]
    [InlineData("{ \"steps\": ")]
    [InlineData("{ \"steps\": \"five\" }")]
    [InlineData("{ \"steps\": 5, \"steps\": 6 }")]
    public void Text_that_is_no_recipe_is_refused(string json) =>
        Assert.Equal(FailureKind.Invalid, Assert.Throws<FuseMixException>(() => TrainingRecipe.Parse(json, "Recipe 'x.json'")).Kind);

    /// <summary>The reference code had keys that nothing read. Here each one changes the model or is refused.</summary>
    [Fact]
    public void Changing_any_key_changes_the_run_or_is_refused()
    {
        var planted = PlantedData.Create(64, 16);
        var rows = planted.Pairs[0].Train;

        // Groups of two pairs.
        var data =
            planted with { Pairs = [planted.Pairs[0] with { Train = rows with { Groups = [.. rows.Left.Select(row => row / 2)] } }] };
        const string Basis = """
            { "steps": 6, "sharedDimension": 8, "batchSize": 8, "learningRate": 0.01, "validateEveryEpochs": 1,
              "modalities": { "image": { "transform": "standardise" } } }
            """;
        var changes = new Dictionary<string, string>
        {
            ["depth"] = "1",
            ["expansion"] = "2",
            ["dropout"] = "0.1",
            ["sharedDimension"] = "9",
            ["augmentation"] = "\"none\"",
            ["mixing"] = "\"twoBatches\"",
            ["alpha"] = "0.3",
            ["alphaEnd"] = "0.3",
            ["noiseSigma"] = "0.2",
            ["quantizationBins"] = "4",
            ["batchSize"] = "9",
            ["steps"] = "7",
            ["epochs"] = "3",
            ["learningRate"] = "0.02",
            ["learningRateFloor"] = "0.001",
            ["weightDecay"] = "0.9",
            ["beta1"] = "0.5",
            ["beta2"] = "0.9",
            ["epsilon"] = "0.001",
            ["averageDecay"] = "0.5",
            ["loss"] = "\"sigmoid\"",
            ["bias"] = "-5",
            ["patience"] = "1",
            ["precision"] = "\"bf16\"",
            ["negatives"] = "\"otherGroups\"",
            ["temperature"] = "0.1",
            ["temperatureLeast"] = "0.4999",
            ["temperatureMost"] = "0.0701",
            ["validateEveryEpochs"] = "2",
            ["keepBest"] = "true",
            ["pairs"] = """{ "count": 20 }""",
            ["modalities"] = """{ "image": { "transform": "pca" } }""",
        };
        var keys = JsonSerializer.SerializeToNode(new TrainingRecipe(), TrainingRecipe.RecipeJson.Default.TrainingRecipe)!.AsObject()
            .Select(m => m.Key)
            .Union(
                typeof(TrainingRecipe).GetProperties().Where(p => p.CanWrite).Select(p => JsonNamingPolicy.CamelCase.ConvertName(p.Name)));
        Assert.Equal(keys.Order(), changes.Keys.Order());

        foreach (var (key, value) in changes)
        {
            // Some need a run in which they can matter: τ rises at first, and falls only from a high value once something was learned; the
            // best epoch is not the last one where the learning rate is far too high.
            var basis = key switch
            {
                "temperatureLeast" => Basis.Replace("\"steps\": 6", "\"steps\": 80, \"temperature\": 0.5"),
                "keepBest" => Basis.Replace("\"steps\": 6", "\"steps\": 60").Replace("0.01", "0.5"),
                _ => Basis,
            };
            var changed = JsonNode.Parse(basis)!.AsObject();
            changed[key] = JsonNode.Parse(value);
            try
            {
                Assert.True(Run(basis) != Run(changed.ToJsonString()), $"'{key}' changed nothing.");
            }
            catch (FuseMixException refused)
            {
                Assert.Contains(
                    key is "quantizationBins" or "bias" or "patience" or "precision" ? $"'{key}'" : "'steps' or 'epochs'", refused.Advice);
            }
        }

        // Where they apply, the keys that were refused above have an effect.
        Assert.NotEqual(Run(With("gaussianNoise", "")), Run(With("gaussianNoise", """, "noiseSigma": 0.2""")));
        Assert.NotEqual(Run(With("randomQuantization", "")), Run(With("randomQuantization", """, "quantizationBins": 4""")));
        Assert.NotEqual(Run(Basis), Run(Basis.Replace("standardise", "none")));
        Assert.NotEqual(Run(Best("")), Run(Best(""", "patience": 1""")));
        Assert.NotEqual(Run(Sigmoid("")), Run(Sigmoid(""", "bias": -5""")));
        Assert.NotEqual(Run(Pca(8)), Run(Pca(9)));
        Assert.NotEqual(Run(Pca(8)), Run(Whiten(0.1)));
        Assert.NotEqual(Run(Whiten(0.1)), Run(Whiten(0.2)));
        Assert.Equal(Run(Whiten(0.5)), Run(Whiten(0.5).Replace(", \"shrinkage\": 0.5", "")));
        Assert.NotEqual(Run(Identity("mlp")), Run(Identity("identity")));

        string With(string augmentation, string more) =>
            Basis.Replace("\"steps\": 6", $"\"steps\": 6, \"augmentation\": \"{augmentation}\"{more}");

        string Sigmoid(string more) => Basis.Replace("\"steps\": 6", $"\"steps\": 6, \"loss\": \"sigmoid\"{more}");

        string Best(string more) => Basis.Replace("\"steps\": 6", $"\"steps\": 60, \"keepBest\": true{more}").Replace("0.01", "0.5");

        string Pca(int components) => Basis.Replace("\"standardise\"", $"\"pca\", \"components\": {components}");

        string Whiten(double shrinkage) =>
            Basis.Replace(
                "\"standardise\"",
                string.Create(CultureInfo.InvariantCulture, $"\"whiten\", \"components\": 8, \"shrinkage\": {shrinkage}"));

        string Identity(string adapter) => Basis
            .Replace("\"sharedDimension\": 8", $"\"sharedDimension\": {PlantedData.ImageDimension}")
            .Replace("\"standardise\"", $"\"standardise\", \"adapter\": \"{adapter}\"");

        string Run(string json)
        {
            var seen = "";
            var model = new CpuFusionTrainer(1, MatrixKernel.Own).Train(
                data, TrainingRecipe.Parse(json), new TrainingRun(1), p => seen += $"{p.Loss:R} {p.Temperature:R} {p.Validation?.Mean:R};");
            var embeddings = model.Modalities.Select(
                modality => Fingerprint.Of(MemoryMarshal.AsBytes<float>(model.Embed(modality, data.Latents[modality].Latents))));
            return $"{seen} {model.Training.KeptStep} {string.Join(' ', embeddings)}";
        }
    }

    [Fact]
    public void Enumerations_are_written_as_camelCase_words()
    {
        var json = new TrainingRecipe { Steps = 1, Augmentation = Augmentation.RandomQuantization }.ToJson();
        Assert.Contains("\"augmentation\": \"randomQuantization\"", json);
    }
}
