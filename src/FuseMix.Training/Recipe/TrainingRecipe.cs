using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using FuseMix.Core.Mixing;
using FuseMix.Core.Selection;
using FuseMix.Storage;
using FuseMix.Training.Adapters;
using FuseMix.Training.Normalisation;

namespace FuseMix.Training.Recipe;

/// <summary>What is done to the latents of one modality before its adapter, and which adapter it gets.</summary>
public sealed record ModalityRecipe
{
    /// <summary>What is fitted on the training latents and frozen in the model.</summary>
    public TransformKind Transform { get; init; } = TransformKind.None;

    /// <summary>
    /// For <see cref="TransformKind.Pca"/> and <see cref="TransformKind.Whiten"/>: the most components kept (fewer where the latents have
    /// fewer); 256 where not given.
    /// </summary>
    public int? Components { get; init; }

    /// <summary>For <see cref="TransformKind.Whiten"/>: from 0, fully whitened, to 1, the PCA; 0.5 where not given.</summary>
    public double? Shrinkage { get; init; }

    /// <summary><see cref="AdapterKind.Mlp"/>, or <see cref="AdapterKind.Identity"/>: the encoder's own space is the shared
    /// space.</summary>
    public AdapterKind Adapter { get; init; } = AdapterKind.Mlp;
}

/// <summary>Which other pairs of a batch a pair is told apart from.</summary>
public enum Negatives
{
    /// <summary>All of them (the paper).</summary>
    All,

    /// <summary>Those of other groups (<see cref="PairRows.Groups"/>); a mixed pair counts by how much of it is of another group.</summary>
    OtherGroups,
}

/// <summary>In what matrix products compute.</summary>
public enum TrainingPrecision
{
    /// <summary>Single precision.</summary>
    Fp32,

    /// <summary>Operands rounded to bf16, sums, weights and moments in fp32; needs a processor with AVX512-BF16 or AMX-BF16, and
    /// oneDNN.</summary>
    Bf16,
}

/// <summary>Everything that decides a training run, beside the data and the seed (the paper's supplement A and B).</summary>
/// <remarks>Keys that another key makes meaningless are refused rather than ignored: every key that is given has an effect.</remarks>
public sealed partial record TrainingRecipe
{
    private const string PresetKey = "preset";
    private const string SharedDimensionKey = "sharedDimension";

    /// <summary>Residual blocks per adapter, 0 to 64.</summary>
    public int Depth { get; init; } = 2;

    /// <summary>Hidden width over input width in a block, 1 to 16.</summary>
    public int Expansion { get; init; } = 4;

    /// <summary>Share of hidden values dropped in training, 0 to below 1.</summary>
    public double Dropout { get; init; } = 0.6;

    /// <summary>Dimension of the shared space (D_s), 2 to 16,384; null only where an identity adapter gives it.</summary>
    public int? SharedDimension { get; init; } = 512;

    /// <summary>What is done to latents before a step.</summary>
    public Augmentation Augmentation { get; init; } = Augmentation.FuseMix;

    /// <summary>With <see cref="Augmentation.FuseMix"/>: which pairs are mixed; <see cref="MixingVariant.Halves"/> where not
    /// given.</summary>
    public MixingVariant? Mixing { get; init; }

    /// <summary>With <see cref="Augmentation.FuseMix"/>: λ ~ Beta(α, α), above 0 to 100; 1 where not given.</summary>
    public double? Alpha { get; init; }

    /// <summary>With <see cref="Augmentation.FuseMix"/>: α of the last epoch, to which it goes in equal parts, above 0 to 100; α stays
    /// where not given.</summary>
    public double? AlphaEnd { get; init; }

    /// <summary>
    /// Deviation of the noise on what the adapters get, above 0 to 100. With <see cref="Augmentation.GaussianNoise"/> 0.01 where not given;
    /// with <see cref="Augmentation.FuseMix"/> the mixed latents get it too where it is given.
    /// </summary>
    public double? NoiseSigma { get; init; }

    /// <summary>With <see cref="Augmentation.RandomQuantization"/>: bins per feature, 2 to 1,024; 16 where not given.</summary>
    public int? QuantizationBins { get; init; }

    /// <summary>Pairs in a contrastive batch, after mixing, 2 to 65,536; smaller where the data have fewer.</summary>
    public int BatchSize { get; init; } = 256;

    /// <summary>Optimiser steps; give either this or <see cref="Epochs"/>.</summary>
    public int? Steps { get; init; }

    /// <summary>Passes over the training pairs; give either this or <see cref="Steps"/>.</summary>
    public int? Epochs { get; init; }

    /// <summary>Peak learning rate, above 0 to 1, reached at the end of the first epoch.</summary>
    public double LearningRate { get; init; } = 1e-3;

    /// <summary>Where the warm-up starts and the cosine ends, 0 to <see cref="LearningRate"/>.</summary>
    public double LearningRateFloor { get; init; } = 1e-6;

    /// <summary>AdamW's decay of matrices, 0 to 1.</summary>
    public double WeightDecay { get; init; } = 0.1;

    /// <summary>AdamW's memory of the mean, 0 to below 1.</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>AdamW's memory of the square, 0 to below 1.</summary>
    public double Beta2 { get; init; } = 0.999;

    /// <summary>AdamW's addition to the root, above 0 to 0.01.</summary>
    public double Epsilon { get; init; } = 1e-8;

    /// <summary>
    /// What the moving averages of all weights keep of themselves in a step, above 0 to below 1; the averages are what is validated and
    /// kept. No averages where not given.
    /// </summary>
    public double? AverageDecay { get; init; }

    /// <summary>What pairs of a batch are compared by; <see cref="ContrastiveLoss.InfoNce"/> where not given.</summary>
    public ContrastiveLoss? Loss { get; init; }

    /// <summary>Which other pairs a pair is told apart from; <see cref="Recipe.Negatives.All"/> where not given.</summary>
    public Negatives? Negatives { get; init; }

    /// <summary>With <see cref="ContrastiveLoss.Sigmoid"/>: the initial bias, which is learned, -100 to 100; -10 where not given.</summary>
    public double? Bias { get; init; }

    /// <summary>Initial τ, which divides the logits and is learned.</summary>
    public double Temperature { get; init; } = 0.07;

    /// <summary>Least τ, above 0.</summary>
    public double TemperatureLeast { get; init; } = 0.001;

    /// <summary>Largest τ, to 100.</summary>
    public double TemperatureMost { get; init; } = 0.5;

    /// <summary>Recall on the validation pairs is measured each so many epochs; never where not given.</summary>
    public int? ValidateEveryEpochs { get; init; }

    /// <summary>Whether the model of the best validated epoch is the result, rather than that of the last step.</summary>
    public bool KeepBest { get; init; }

    /// <summary>With <see cref="KeepBest"/>: validations in a row that are no better than the best, after which the run ends; never where
    /// not given.</summary>
    public int? Patience { get; init; }

    /// <summary>In what matrix products compute; <see cref="TrainingPrecision.Fp32"/> where not given.</summary>
    public TrainingPrecision? Precision { get; init; }

    /// <summary>Trains on a part of the training pairs; on all where not given.</summary>
    public PairSubset? Pairs { get; init; }

    /// <summary>Modalities that differ from the plain: raw latents into an MLP adapter.</summary>
    public IReadOnlyDictionary<Modality, ModalityRecipe> Modalities { get; init; } = new Dictionary<Modality, ModalityRecipe>();

    /// <summary>The names of the built-in recipes.</summary>
    public static IReadOnlyList<string> PresetNames => ["small", "image-text", "audio-text", "audio-to-clip"];

    /// <summary>The part of a modality; the plain one where the recipe does not name it.</summary>
    public ModalityRecipe Of(Modality modality) => Modalities.TryGetValue(modality, out var own) ? own : new ModalityRecipe();

    /// <summary>A built-in recipe.</summary>
    /// <param name="name">
    /// <c>small</c>: for a few thousand pairs of small encoders; <c>image-text</c> and <c>audio-text</c>: the paper's (supplement B);
    /// <c>audio-to-clip</c>: audio into the space of the encoder that it is paired with, as the paper's Whisper into CLIP's.
    /// </param>
    /// <exception cref="FuseMixException">There is none of that name.</exception>
    public static TrainingRecipe Preset(string name) => name switch
    {
        "small" => new TrainingRecipe
        {
            Depth = 1,
            BatchSize = 512,
            Steps = 400,
            NoiseSigma = 0.02,
            Modalities = new Dictionary<Modality, ModalityRecipe>
            {
                [Modality.Image] = new() { Transform = TransformKind.Whiten, Components = 256 },
                [Modality.Audio] = new() { Transform = TransformKind.Standardise },
            },
        },
        "image-text" => new TrainingRecipe { Depth = 4, BatchSize = 20_000, Epochs = 500, ValidateEveryEpochs = 10, KeepBest = true },
        "audio-text" => new TrainingRecipe
        {
            BatchSize = 2_000,
            Epochs = 50,
            LearningRate = 1e-4,
            WeightDecay = 0.5,
            ValidateEveryEpochs = 1,
            KeepBest = true,
        },
        "audio-to-clip" => Preset("audio-text") with
        {
            SharedDimension = null,
            Modalities = new Dictionary<Modality, ModalityRecipe>
            {
                [Modality.Image] = new() { Adapter = AdapterKind.Identity },
                [Modality.Text] = new() { Adapter = AdapterKind.Identity },
            },
        },
        _ => throw FuseMixException.UnknownName("recipe", name, PresetNames),
    };

    /// <summary>Reads a recipe; the key <c>preset</c> names a built-in one that the other keys change.</summary>
    /// <param name="json">A JSON object with camelCase keys; comments are allowed.</param>
    /// <param name="source">What to call it in failures, e.g. "Recipe 'my.json'".</param>
    /// <exception cref="FuseMixException">An unknown key or word (with the nearest valid one), or a value out of its range.</exception>
    public static TrainingRecipe Parse(string json, string source = "The recipe")
    {
        var given = StrictJson.ReadObject(Encoding.UTF8.GetBytes(json), RecipeJson.Default.TrainingRecipe, source, PresetKey);

        // The generated reader makes 0 of whatever is left out: the defaults must stand in the JSON that it reads.
        var merged = JsonSerializer.SerializeToNode(new TrainingRecipe(), RecipeJson.Default.TrainingRecipe)!.AsObject();
        if (given.TryGetPropertyValue(PresetKey, out var preset))
        {
            if (preset is not JsonValue name || !name.TryGetValue<string>(out var text))
            {
                throw new FuseMixException(
                    FailureKind.Invalid,
                    $"{source}: '{PresetKey}' must be the name of a recipe.",
                    $"Known: {string.Join(", ", PresetNames)}.");
            }

            merged = JsonSerializer.SerializeToNode(Preset(text), RecipeJson.Default.TrainingRecipe)!.AsObject();

            // Steps and epochs exclude each other: the one that is given replaces the preset's.
            if (given.ContainsKey("steps")) merged.Remove("epochs");
            if (given.ContainsKey("epochs")) merged.Remove("steps");

            // An augmentation that is given stands in place of all that the preset does to latents.
            if (given.ContainsKey("augmentation")) merged.Remove("noiseSigma");
        }

        foreach (var (key, value) in given.Where(member => member.Key != PresetKey)) merged[key] = value?.DeepClone();
        var recipe = StrictJson.To(merged, RecipeJson.Default.TrainingRecipe, source);

        // An identity adapter says how wide the shared space is, where the recipe does not.
        if (recipe.HasIdentity && !given.ContainsKey(SharedDimensionKey)) recipe = recipe with { SharedDimension = null };
        recipe.Validate(source);
        return recipe;
    }

    /// <summary>The recipe as JSON, every key that has a value.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, RecipeJson.Default.TrainingRecipe);

    /// <summary>The same for two recipes that give the same run.</summary>
    public Fingerprint Fingerprint() => FuseMix.Core.Fingerprint.Of(ToJson());

    /// <summary>Checks every range and that no key is given in vain.</summary>
    /// <exception cref="FuseMixException">The first fault, naming its key.</exception>
    public void Validate(string source = "The recipe")
    {
        Range("depth", Depth, 0, AdapterShape.MaxDepth);
        Range("expansion", Expansion, 1, 16);
        Require(Dropout is >= 0 and < 1, "dropout", Dropout, "at least 0 and below 1");
        if (SharedDimension is { } shared) Range(SharedDimensionKey, shared, 2, 16_384);
        else if (!HasIdentity)
            throw new FuseMixException(FailureKind.Invalid, $"{source} must give '{SharedDimensionKey}': no identity adapter does.");
        Range("batchSize", BatchSize, 2, 65_536);
        Require(LearningRate is > 0 and <= 1, "learningRate", LearningRate, "above 0 and at most 1");
        Require(
            LearningRateFloor >= 0 && LearningRateFloor <= LearningRate,
            "learningRateFloor",
            LearningRateFloor,
            "at least 0 and at most learningRate");
        Require(WeightDecay is >= 0 and <= 1, "weightDecay", WeightDecay, "at least 0 and at most 1");
        Require(Beta1 is >= 0 and < 1, "beta1", Beta1, "at least 0 and below 1");
        Require(Beta2 is >= 0 and < 1, "beta2", Beta2, "at least 0 and below 1");
        Require(Epsilon is > 0 and <= 0.01, "epsilon", Epsilon, "above 0 and at most 0.01");
        if (AverageDecay is { } decay) Require(decay is > 0 and < 1, "averageDecay", decay, "above 0 and below 1");
        Require(TemperatureLeast > 0, "temperatureLeast", TemperatureLeast, "above 0");
        Require(
            TemperatureMost >= TemperatureLeast && TemperatureMost <= 100,
            "temperatureMost",
            TemperatureMost,
            "at least temperatureLeast and at most 100");
        Require(
            Temperature >= TemperatureLeast && Temperature <= TemperatureMost,
            "temperature",
            Temperature,
            "between temperatureLeast and temperatureMost");

        if (Steps is null == Epochs is null)
            throw new FuseMixException(FailureKind.Invalid, $"{source} must give either 'steps' or 'epochs', and not both.");
        if (Steps is { } steps) Range("steps", steps, 1, int.MaxValue);
        if (Epochs is { } epochs) Range("epochs", epochs, 1, int.MaxValue);
        if (ValidateEveryEpochs is { } every) Range("validateEveryEpochs", every, 1, int.MaxValue);
        if (KeepBest && ValidateEveryEpochs is null)
            throw new FuseMixException(
                FailureKind.Invalid, $"{source} asks for 'keepBest' without validation.", "Give 'validateEveryEpochs' too.");

        OnlyWith(KeepBest, "patience", Patience is not null, "keepBest");
        if (Patience is { } patience) Range("patience", patience, 1, int.MaxValue);
        OnlyWith(Loss == ContrastiveLoss.Sigmoid, "bias", Bias is not null, "loss sigmoid");
        if (Bias is { } bias) Require(bias is >= -100 and <= 100, "bias", bias, "-100 to 100");
        var mixes = Augmentation == Augmentation.FuseMix;
        OnlyWith(mixes, "mixing", Mixing is not null, "augmentation fuseMix");
        OnlyWith(mixes, "alpha", Alpha is not null, "augmentation fuseMix");
        OnlyWith(mixes && Epochs != 1, "alphaEnd", AlphaEnd is not null, "augmentation fuseMix and several epochs");
        OnlyWith(
            mixes || Augmentation == Augmentation.GaussianNoise,
            "noiseSigma",
            NoiseSigma is not null,
            "augmentation fuseMix or gaussianNoise");
        OnlyWith(
            Augmentation == Augmentation.RandomQuantization,
            "quantizationBins",
            QuantizationBins is not null,
            "augmentation randomQuantization");
        if (Alpha is { } alpha) Require(alpha is > 0 and <= 100, "alpha", alpha, "above 0 and at most 100");
        if (AlphaEnd is { } alphaEnd) Require(alphaEnd is > 0 and <= 100, "alphaEnd", alphaEnd, "above 0 and at most 100");
        if (NoiseSigma is { } sigma) Require(sigma is > 0 and <= 100, "noiseSigma", sigma, "above 0 and at most 100");
        if (QuantizationBins is { } bins) Range("quantizationBins", bins, 2, 1024);

        if (Pairs is { } pairs) Range("pairs.count", pairs.Count, 4, int.MaxValue);

        foreach (var (modality, own) in Modalities)
        {
            var place = $"modalities.{JsonNamingPolicy.CamelCase.ConvertName(modality.ToString())}";
            OnlyWith(
                LatentTransform.IsRotation(own.Transform), $"{place}.components", own.Components is not null, "transform pca or whiten");
            OnlyWith(own.Transform == TransformKind.Whiten, $"{place}.shrinkage", own.Shrinkage is not null, "transform whiten");
            if (own.Shrinkage is { } shrinkage)
                Require(shrinkage is >= 0 and <= 1, $"{place}.shrinkage", shrinkage, "at least 0 and at most 1");
            if (own.Components is { } components) Range($"{place}.components", components, 1, 65_536);
            if (own.Adapter == AdapterKind.Linear)
            {
                throw new FuseMixException(
                    FailureKind.Invalid,
                    $"{source}: '{place}.adapter' cannot be linear.",
                    "Use mlp or identity; a linear adapter comes from the CCA baseline.");
            }
        }

        void Range(string key, int value, int least, int most) =>
            Require(value >= least && value <= most, key, value, string.Create(CultureInfo.InvariantCulture, $"{least} to {most}"));

        void Require(bool holds, string key, double value, string range)
        {
            if (holds) return;
            var message = string.Create(CultureInfo.InvariantCulture, $"{source}: '{key}' is {value}; it must be {range}.");
            throw new FuseMixException(FailureKind.Invalid, message);
        }

        void OnlyWith(bool applies, string key, bool given, string condition)
        {
            if (!given || applies) return;
            throw new FuseMixException(
                FailureKind.Invalid, $"{source}: '{key}' has no effect without {condition}.", $"Remove it, or choose {condition}.");
        }
    }

    private bool HasIdentity => Modalities.Values.Any(m => m.Adapter == AdapterKind.Identity);

    [JsonSourceGenerationOptions(
        JsonSerializerDefaults.General,
        PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        WriteIndented = true,
        Converters =
        [
            typeof(WordConverter<Modality>), typeof(WordConverter<Augmentation>), typeof(WordConverter<MixingVariant>),
            typeof(WordConverter<TransformKind>), typeof(WordConverter<AdapterKind>), typeof(WordConverter<ContrastiveLoss>),
            typeof(WordConverter<Negatives>), typeof(WordConverter<SubsetMethod>), typeof(WordConverter<TrainingPrecision>)
        ])]
    [JsonSerializable(typeof(TrainingRecipe))]
    internal sealed partial class RecipeJson : JsonSerializerContext;
}
