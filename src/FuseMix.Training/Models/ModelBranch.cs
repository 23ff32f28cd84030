using System.Collections.Concurrent;
using System.Globalization;
using FuseMix.Storage;
using FuseMix.Training.Adapters;
using FuseMix.Training.Kernels;
using FuseMix.Training.Matrices;
using FuseMix.Training.Normalisation;
using FuseMix.Training.Threading;

namespace FuseMix.Training.Models;

/// <summary>One modality of a fusion model: a frozen transform and a trained adapter. Thread-safe.</summary>
internal sealed unsafe class ModelBranch
{
    /// <summary>Rows embedded at a time.</summary>
    public const int Block = 256;

    private const string TransformMean = "transform.mean";
    private const string TransformFactors = "transform.factors";

    private readonly ConcurrentBag<Workplace> _idle = [];
    private readonly float[] _weights;
    private readonly float* _parameters;

    /// <param name="source">The encoder.</param>
    /// <param name="transform">From latents to the adapter's input.</param>
    /// <param name="shape">Sizes of the adapter.</param>
    /// <param name="parameters">[shape.Length], copied.</param>
    public ModelBranch(ModelSource source, LatentTransform transform, AdapterShape shape, ReadOnlySpan<float> parameters)
    {
        (Source, Transform, Shape) = (source, transform, shape);

        // Pinned, so that native code can read it; one cache line more, so that it can start at one's boundary.
        _weights = GC.AllocateArray<float>((int)shape.Length + 16, pinned: true);
        fixed (float* start = _weights) _parameters = (float*)(((nuint)start + 63) & ~(nuint)63);
        parameters.CopyTo(new Span<float>(_parameters, (int)shape.Length));
    }

    public ModelSource Source { get; }

    public LatentTransform Transform { get; }

    public AdapterShape Shape { get; }

    /// <summary>The values of one array of the adapter.</summary>
    public ReadOnlySpan<float> Values(Parameter parameter) => new(_parameters + parameter.Offset, (int)parameter.Length);

    /// <summary>Embeds up to <see cref="Block"/> rows.</summary>
    /// <param name="latents">Puts the rows into the buffer it is given, [rows × latent dimension].</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="firstRow">Number of the first row, for failures.</param>
    /// <param name="embeddings">[rows × shared dimension].</param>
    public void Embed(Action<Span<float>> latents, int rows, int firstRow, Span<float> embeddings)
    {
        if (!_idle.TryTake(out var workplace)) workplace = new Workplace(this);
        var input = workplace.Latents.Span[..(rows * Source.Dimension)];
        latents(input);
        RequireSound(input, firstRow);
        Transform.Apply(workplace.Latents.Pointer, rows, workplace.Pass.Input, workplace.Matrices);
        workplace.Pass.Forward(rows, AdapterDropout.None);
        new ReadOnlySpan<float>(workplace.Pass.Embeddings, rows * Shape.Output).CopyTo(embeddings);
        _idle.Add(workplace);

        // The pass reads the weights by pointer only.
        GC.KeepAlive(this);
    }

    /// <summary>Writes transform and adapter; returns the file's fingerprint.</summary>
    public Fingerprint Save(string path)
    {
        var writer = new SafetensorsWriter();
        if (Transform.Kind != TransformKind.None)
        {
            writer.AddFloat32(TransformMean, Transform.Mean, Transform.Input);
            if (Transform.Rotates) writer.AddFloat32(TransformFactors, Transform.Factors, Transform.Output, Transform.Input);
            else writer.AddFloat32(TransformFactors, Transform.Factors, Transform.Input);
        }

        foreach (var parameter in Shape.Parameters)
        {
            writer.AddFloat32(parameter.Name, Values(parameter).ToArray(), [.. parameter.Dimensions.Select(d => (long)d)]);
        }

        return writer.Save(path);
    }

    /// <summary>Reads what <see cref="Save"/> wrote: exactly the tensors that the document implies, of exactly their shapes.</summary>
    public static ModelBranch Load(string path, Modality modality, BranchDocument document, int sharedDimension)
    {
        if (document.LatentDimension < 1
            || document.AdapterInput < 1
            || document.Depth is < 0 or > AdapterShape.MaxDepth
            || document.Expansion is < 0 or > 16)
            throw Wrong("model.json gives impossible sizes");
        var shape = document.Adapter switch
        {
            AdapterKind.Identity => AdapterShape.Identity(document.AdapterInput),
            AdapterKind.Linear => AdapterShape.Linear(document.AdapterInput, sharedDimension),
            _ => AdapterShape.Mlp(document.AdapterInput, sharedDimension, document.Depth, document.Expansion),
        };
        if (shape.Output != sharedDimension) throw Wrong($"its adapter gives {shape.Output} values, not {sharedDimension}");
        if (!LatentTransform.IsRotation(document.Transform) && document.AdapterInput != document.LatentDimension)
            throw Wrong($"its adapter takes {document.AdapterInput} values, its latents have {document.LatentDimension}");

        using var file = SafetensorsFile.Open(path);
        var expected = shape.Parameters.ToDictionary(p => p.Name, p => p.Dimensions);
        if (document.Transform != TransformKind.None)
        {
            expected[TransformMean] = [document.LatentDimension];
            expected[TransformFactors] = LatentTransform.IsRotation(document.Transform)
                ? [document.AdapterInput, document.LatentDimension]
                : [document.LatentDimension];
        }

        foreach (var (name, dimensions) in expected)
        {
            if (!file.Tensors.TryGetValue(name, out var tensor)) throw Wrong($"tensor '{name}' is missing");
            if (tensor.Dtype != SafetensorsDtype.F32 || !tensor.Shape.SequenceEqual(dimensions.Select(d => (long)d)))
                throw Wrong(
                    $"tensor '{name}' is {tensor.Dtype} [{string.Join(", ", tensor.Shape)}], not F32 [{string.Join(", ", dimensions)}]");
        }

        var surplus = file.Tensors.Keys.FirstOrDefault(name => !expected.ContainsKey(name));
        if (surplus is not null) throw Wrong($"tensor '{surplus}' does not belong there");

        var parameters = new float[shape.Length];
        foreach (var parameter in shape.Parameters)
        {
            file.Values<float>(parameter.Name).CopyTo(parameters.AsSpan((int)parameter.Offset));
        }

        var transform = document.Transform == TransformKind.None
            ? LatentTransform.None(document.LatentDimension)
            : new LatentTransform(
                document.Transform,
                document.LatentDimension,
                document.AdapterInput,
                file.Values<float>(TransformMean).ToArray(),
                file.Values<float>(TransformFactors).ToArray());
        var source = document.Source();
        if (source != new ModelSource(document.Encoder, new Fingerprint(document.EncoderFingerprint), document.LatentDimension))
            throw Wrong($"its encoders '{source.Encoder}' side by side are not '{document.Encoder}' as described");

        return new ModelBranch(source, transform, shape, parameters);

        FuseMixException Wrong(string what) => new(
            FailureKind.Corrupt,
            $"The {TrainingData.Name(modality)} part of the fusion model, '{path}', does not fit: {what}.",
            "Train the model again.");
    }

    private void RequireSound(ReadOnlySpan<float> latents, int firstRow)
    {
        for (var r = 0; r * Source.Dimension < latents.Length; r++)
        {
            var row = latents.Slice(r * Source.Dimension, Source.Dimension);
            var largest = 0f;
            foreach (var value in row)
            {
                if (!float.IsFinite(value)) throw Refused("holds a value that is not a finite number");
                largest = MathF.Max(largest, MathF.Abs(value));
            }

            if (largest == 0) throw Refused("is all zeros");

            FuseMixException Refused(string what) => new(
                FailureKind.Invalid,
                string.Create(CultureInfo.InvariantCulture, $"Latent {firstRow + r} of encoder '{Source.Encoder}' {what}."),
                "Leave this item out, or extract it again.");
        }
    }

    /// <summary>The memory of one embedding in progress.</summary>
    private sealed class Workplace
    {
        public Workplace(ModelBranch branch)
        {
            var alone = new ThreadTeam(1);
            Matrices = new ParallelMatrixMultiply(alone, new PackedMatrixMultiply());
            Pass = new AdapterPass<Fp32>(branch.Shape, branch._parameters, (Fp32*)branch._parameters, null, Block, alone, Matrices);
            Latents = new AlignedBuffer((long)Block * branch.Source.Dimension);
        }

        public ParallelMatrixMultiply Matrices { get; }

        public AdapterPass Pass { get; }

        public AlignedBuffer Latents { get; }
    }
}
