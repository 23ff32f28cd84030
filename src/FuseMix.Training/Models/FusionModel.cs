using System.Text.Json;
using FuseMix.Storage;
using FuseMix.Training.Recipe;

namespace FuseMix.Training.Models;

/// <summary>The encoder whose latents a fusion model takes for one modality, or several whose latents stand side by side.</summary>
/// <param name="Encoder">Name of the encoder pack; of several, their names joined, "a+b".</param>
/// <param name="Fingerprint">Its fingerprint: latents of another one do not fit, whatever their dimension.</param>
/// <param name="Dimension">Values per latent.</param>
public sealed record ModelSource(string Encoder, Fingerprint Fingerprint, int Dimension)
{
    private IReadOnlyList<ModelSource>? _parts;

    /// <summary>The single encoders, in the order of their latents; one alone is its own part.</summary>
    public IReadOnlyList<ModelSource> Parts => _parts ?? [this];

    /// <summary>Encoders of one modality side by side.</summary>
    /// <param name="parts">At least one.</param>
    public static ModelSource Join(params IReadOnlyList<ModelSource> parts) => parts is [var only] ? only : new ModelSource(
        EncoderNames.Join(parts.Select(part => part.Encoder)),
        EncoderNames.Join([.. parts.Select(part => part.Fingerprint)]),
        parts.Sum(part => part.Dimension))
    {
        _parts = parts,
    };

    /// <inheritdoc/>
    public bool Equals(ModelSource? other) =>
        other is not null && (Encoder, Fingerprint, Dimension) == (other.Encoder, other.Fingerprint, other.Dimension);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Encoder, Fingerprint, Dimension);
}

/// <summary>How a fusion model came to be.</summary>
/// <param name="Seed">Seed of the training run.</param>
/// <param name="Recipe">The recipe it was trained by; null for the linear baseline.</param>
/// <param name="Temperature">τ at the end of training.</param>
/// <param name="Training">What the training tells.</param>
public sealed record ModelOrigin(ulong Seed, TrainingRecipe? Recipe, double Temperature, TrainingSummary Training);

/// <summary>A set of adapters into one shared space. Immutable and thread-safe.</summary>
public sealed class FusionModel
{
    private const string Description = "model.json";
    private const string TrainAgain = "Train the model again: the same training makes again what is damaged.";

    private readonly SortedDictionary<Modality, ModelBranch> _branches;

    internal FusionModel(
        string name,
        IReadOnlyDictionary<Modality, ModelBranch> branches,
        double temperature,
        ulong seed,
        TrainingRecipe? recipe,
        TrainingSummary training,
        double? bias = null)
    {
        _branches = new SortedDictionary<Modality, ModelBranch>(branches.ToDictionary());
        (Name, Temperature, Seed, Recipe, Training, Bias) = (name, temperature, seed, recipe, training, bias);
        SharedDimension = _branches.Values.First().Shape.Output;
        Fingerprint = FingerprintOf();
    }

    /// <summary>The name that it was loaded by; empty for one that was just trained.</summary>
    public string Name { get; }

    /// <summary>Values per embedding (D_s).</summary>
    public int SharedDimension { get; }

    /// <summary>τ at the end of training; cosines divided by it are the logits of the loss.</summary>
    public double Temperature { get; }

    /// <summary>With the sigmoid loss: what it adds to the logits at the end of training; null with InfoNCE.</summary>
    public double? Bias { get; }

    /// <summary>Seed of the training run.</summary>
    public ulong Seed { get; }

    /// <summary>The recipe it was trained by; null for the linear baseline.</summary>
    public TrainingRecipe? Recipe { get; }

    /// <summary>How it came to be.</summary>
    public TrainingSummary Training { get; }

    /// <summary>Over encoders, weights, recipe, seed and training data: embeddings of two models are comparable only where this is
    /// equal.</summary>
    public Fingerprint Fingerprint { get; }

    /// <summary>The modalities that it embeds.</summary>
    public IReadOnlyCollection<Modality> Modalities => _branches.Keys;

    /// <summary>The encoder of a modality.</summary>
    /// <exception cref="FuseMixException">The model has no such modality.</exception>
    public ModelSource Source(Modality modality) => Branch(modality).Source;

    /// <summary>The name of each modality's encoder.</summary>
    public IReadOnlyDictionary<Modality, string> Encoders() => _branches.ToDictionary(b => b.Key, b => b.Value.Source.Encoder);

    /// <summary>The fingerprint of a modality's encoder.</summary>
    /// <exception cref="FuseMixException">The model has no such modality.</exception>
    public Fingerprint EncoderFingerprint(Modality modality) => Source(modality).Fingerprint;

    /// <summary>The same model, which says what job made it.</summary>
    public FusionModel MadeBy(TrainingJob job) => new(Name, _branches, Temperature, Seed, Recipe, Training with { Job = job }, Bias);

    /// <summary>Embeds latents that lie in memory.</summary>
    /// <param name="modality">What they are latents of.</param>
    /// <param name="latents">[count × the encoder's dimension], row-major.</param>
    /// <param name="count">Number of rows, 0 or more.</param>
    /// <returns>[count × <see cref="SharedDimension"/>], rows of unit length. A row's result does not depend on the other rows.</returns>
    /// <exception cref="FuseMixException">
    /// The model lacks the modality, the length does not fit (naming encoder and both dimensions), or a row is zero or not finite.
    /// </exception>
    public float[] Embed(Modality modality, ReadOnlySpan<float> latents, int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        var branch = Branch(modality);
        var dimension = branch.Source.Dimension;
        if (latents.Length != (long)count * dimension)
        {
            throw new FuseMixException(
                FailureKind.Invalid,
                $"{latents.Length} values are not {count} latents of encoder '{branch.Source.Encoder}', which have {dimension} each"
                + (count > 0 && latents.Length % count == 0 ? $": these have {latents.Length / count}." : "."));
        }

        var copy = latents.ToArray();
        return Embed(
            branch,
            count,
            (first, rows, destination) => copy.AsSpan(first * dimension, rows * dimension).CopyTo(destination),
            CancellationToken.None);
    }

    /// <summary>Embeds stored latents, on all cores where there are many.</summary>
    /// <param name="modality">What they are latents of.</param>
    /// <param name="latents">Read in blocks, one at a time.</param>
    /// <param name="rows">Which rows; all where not given.</param>
    /// <param name="cancellationToken">Stops between two blocks.</param>
    /// <returns>[rows × <see cref="SharedDimension"/>], rows of unit length.</returns>
    /// <exception cref="FuseMixException">As for latents in memory.</exception>
    public float[] Embed(
        Modality modality, ILatentMatrix latents, IReadOnlyList<int>? rows = null, CancellationToken cancellationToken = default)
    {
        var branch = Branch(modality);
        if (latents.Dimension != branch.Source.Dimension)
        {
            throw new FuseMixException(
                FailureKind.Invalid,
                $"These latents have {latents.Dimension} values each; the model takes those of encoder '{branch.Source.Encoder}', which "
                    + "have "
                + $"{branch.Source.Dimension}.",
                "Embed latents of the encoder that the model was trained on, or train a model on yours.");
        }

        int[] wanted = rows is null ? [.. Enumerable.Range(0, latents.Count)] : [.. rows];
        var gate = new Lock();
        return Embed(
            branch,
            wanted.Length,
            (first, count, destination) =>
            {
                lock (gate) latents.Gather(wanted.AsSpan(first, count), destination);
            },
            cancellationToken);
    }

    /// <summary>Writes the model into an empty folder.</summary>
    public void Save(string folder)
    {
        var modalities = new SortedDictionary<Modality, BranchDocument>();
        foreach (var (modality, branch) in _branches)
        {
            var temporary = Path.Combine(folder, $".{TrainingData.Name(modality)}-{Guid.NewGuid():N}.safetensors");
            var checksum = branch.Save(temporary);
            var stem = $"{TrainingData.Name(modality)}-{checksum.Hex[..12]}";
            File.Move(temporary, Path.Combine(folder, $"{stem}.safetensors"), overwrite: true);
            AdapterOnnx.Build(modality, branch).Save(Path.Combine(folder, $"{stem}.onnx"));
            modalities[modality] = new BranchDocument
            {
                Encoder = branch.Source.Encoder,
                EncoderFingerprint = branch.Source.Fingerprint.Hex,
                LatentDimension = branch.Source.Dimension,
                Parts = branch.Source.Parts is { Count: > 1 } parts
                    ? [.. parts.Select(part => new PartDocument(part.Encoder, part.Fingerprint.Hex, part.Dimension))]
                    : null,
                Transform = branch.Transform.Kind,
                AdapterInput = branch.Shape.Input,
                Adapter = branch.Shape.Kind,
                Depth = branch.Shape.Depth,
                Expansion = branch.Shape.Expansion,
                Weights = $"{stem}.safetensors",
                WeightsSha256 = checksum.Hex,
                Onnx = $"{stem}.onnx",
            };
        }

        AtomicFile.SyncFolder(folder);
        var document = new ModelDocument
        {
            FormatVersion = ModelDocument.CurrentFormat,
            SharedDimension = SharedDimension,
            Temperature = Temperature,
            Bias = Bias,
            Seed = Seed,
            Modalities = modalities,
            Recipe = Recipe,
            Training = Training,
        };
        AtomicFile.WriteJson(Path.Combine(folder, Description), document, ModelJson.Default.ModelDocument);
    }

    /// <summary>Reads a model, strictly: every size and checksum must hold.</summary>
    /// <param name="folder">Where it is.</param>
    /// <param name="name">What to call it; the folder's own name where not given.</param>
    /// <exception cref="FuseMixException">There is none, or it is damaged or of a newer format.</exception>
    public static FusionModel Load(string folder, string? name = null)
    {
        var document = ReadDocument(folder);
        if (document.Modalities.Count < 2) throw Wrong(folder, "it has fewer than two modalities");
        var branches = new Dictionary<Modality, ModelBranch>();
        foreach (var (modality, branch) in document.Modalities)
        {
            var weights = WeightsOf(folder, branch);
            FileChecksum.Require(weights, new Fingerprint(branch.WeightsSha256), TrainAgain);
            branches[modality] = ModelBranch.Load(weights, modality, branch, document.SharedDimension);
        }

        name ??= Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)));
        return new FusionModel(name, branches, document.Temperature, document.Seed, document.Recipe, document.Training, document.Bias);
    }

    /// <summary>How the model in a folder came to be. Its files must be whole; they are read through, but not loaded.</summary>
    /// <exception cref="FuseMixException">There is none, or it is damaged or of a newer format.</exception>
    public static ModelOrigin ReadOrigin(string folder)
    {
        var document = ReadDocument(folder);
        foreach (var branch in document.Modalities.Values)
            FileChecksum.Require(WeightsOf(folder, branch), new Fingerprint(branch.WeightsSha256), TrainAgain);
        return new ModelOrigin(document.Seed, document.Recipe, document.Temperature, document.Training);
    }

    /// <summary>The single encoders of a model, which is not loaded for that.</summary>
    /// <exception cref="FuseMixException">There is none, or its description is damaged or of a newer format.</exception>
    internal static IEnumerable<ModelSource> EncodersIn(string folder) =>
        ReadDocument(folder).Modalities.Values.SelectMany(branch => branch.Source().Parts);

    private static ModelDocument ReadDocument(string folder)
    {
        var path = Path.Combine(folder, Description);
        if (!File.Exists(path))
            throw new FuseMixException(FailureKind.NotFound, $"There is no fusion model in '{folder}'.", "Train one: fusemix train.");
        ModelDocument document;
        try
        {
            document = JsonSerializer.Deserialize(File.ReadAllBytes(path), ModelJson.Default.ModelDocument)
                ?? throw new JsonException("It is null.");
        }
        catch (JsonException e)
        {
            throw Wrong(folder, e.Message, e);
        }

        return document.FormatVersion == ModelDocument.CurrentFormat ? document : throw new FuseMixException(
            FailureKind.Invalid,
            $"'{path}' has format {document.FormatVersion}; this version reads {ModelDocument.CurrentFormat}.",
            "Use the version that wrote it, or train the model again.");
    }

    private static string WeightsOf(string folder, BranchDocument branch) => Path.GetFileName(branch.Weights) == branch.Weights
        ? Path.Combine(folder, branch.Weights)
        : throw Wrong(folder, $"'{branch.Weights}' is not the name of a file beside it");

    private static FuseMixException Wrong(string folder, string what, Exception? inner = null) =>
        new(FailureKind.Corrupt, $"'{Path.Combine(folder, Description)}' cannot be read: {what}", TrainAgain, inner);

    internal ModelBranch Branch(Modality modality) => _branches.TryGetValue(modality, out var branch)
        ? branch
        : throw new FuseMixException(
            FailureKind.Invalid,
            $"{(Name.Length == 0 ? "The fusion model" : $"Fusion model '{Name}'")} has no adapter for {TrainingData.Name(modality)}.",
            $"It embeds {string.Join(" and ", _branches.Keys.Select(TrainingData.Name))}.");

    private float[] Embed(ModelBranch branch, int count, Action<int, int, Span<float>> read, CancellationToken cancellationToken)
    {
        var embeddings = new float[(long)count * SharedDimension];
        var blocks = (count + ModelBranch.Block - 1) / ModelBranch.Block;
        if (blocks <= 1)
        {
            if (count > 0) EmbedBlock(0);
            return embeddings;
        }

        try
        {
            Parallel.For(0, blocks, new ParallelOptions { CancellationToken = cancellationToken }, EmbedBlock);
        }
        catch (AggregateException failures) when (failures.InnerExceptions.OfType<FuseMixException>().FirstOrDefault() is { } failure)
        {
            throw failure;
        }

        return embeddings;

        void EmbedBlock(int block)
        {
            var first = block * ModelBranch.Block;
            var rows = Math.Min(ModelBranch.Block, count - first);
            branch.Embed(
                latents => read(first, rows, latents), rows, first, embeddings.AsSpan(first * SharedDimension, rows * SharedDimension));
        }
    }

    private Fingerprint FingerprintOf()
    {
        using var hash = System.Security.Cryptography.IncrementalHash.CreateHash(System.Security.Cryptography.HashAlgorithmName.SHA256);
        foreach (var (modality, branch) in _branches)
        {
            var (source, shape) = (branch.Source, branch.Shape);
            Add($"{modality}|{source.Encoder}|{source.Fingerprint}|{branch.Transform.Kind}|{shape.Kind}|{shape.Input}|{shape.Depth}\n");
            hash.AppendData(Bytes(branch.Transform.Mean));
            hash.AppendData(Bytes(branch.Transform.Factors));
            foreach (var parameter in shape.Parameters) hash.AppendData(Bytes(branch.Values(parameter)));
        }

        // Two recipes can come to the same weights; each model is still described by its own.
        Add($"{Training.Method}|{Recipe?.Fingerprint()}|{Seed}|{Training.Data}\n");
        return new Fingerprint(Convert.ToHexStringLower(hash.GetHashAndReset()));

        void Add(string text) => hash.AppendData(System.Text.Encoding.UTF8.GetBytes(text));

        static ReadOnlySpan<byte> Bytes(ReadOnlySpan<float> values) => System.Runtime.InteropServices.MemoryMarshal.AsBytes(values);
    }
}
