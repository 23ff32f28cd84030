using FuseMix.Encoders.Inputs;
using FuseMix.Encoders.Packs;
using Microsoft.ML.OnnxRuntime;

namespace FuseMix.Encoders.Sessions;

/// <summary>Compares what a pack says with what its model declares.</summary>
internal static class ModelSignature
{
    /// <summary>Fails on the first tensor that is not as the pack says.</summary>
    /// <returns>The number of rows per call and of positions per row where the model fixes them, else 0.</returns>
    public static (int Rows, int Length) Check(EncoderPack pack, InferenceSession model, IPreprocessing preprocessing)
    {
        int rows = 0, length = 0;
        foreach (var tensor in preprocessing.Tensors)
        {
            if (!model.InputMetadata.TryGetValue(tensor.Name, out var input))
                throw NoSuch(tensor.Key, tensor.Name, "input", model.InputMetadata.Keys);
            if (!input.IsTensor || input.ElementDataType != tensor.Type)
                throw Lie(
                    pack,
                    $"its input '{tensor.Name}' holds {(input.IsTensor ? input.ElementDataType : input.OnnxValueType)}, not {tensor.Type}");
            var fits = input.Dimensions.Length == tensor.Shape.Count
                && input.Dimensions.Zip(tensor.Shape).All(pair => pair.First < 0 || pair.Second < 0 || pair.First == pair.Second);
            if (!fits) throw Lie(
                pack, $"its input '{tensor.Name}' is {Shape(input.Dimensions)}, not {Shape(tensor.Shape)} as '{tensor.Key}' has it");
            rows = Math.Max(rows, input.Dimensions[0]);
            if (pack.Definition.Text is { } text)
            {
                length = Math.Max(length, input.Dimensions[1]);
                if (length > 0 && text.MaxTokens > length)
                    throw Lie(pack, $"its input '{tensor.Name}' takes {length} positions, but 'text.maxTokens' is {text.MaxTokens}");
            }
        }

        var unfed = model.InputMetadata.Keys.Except(preprocessing.Tensors.Select(t => t.Name)).ToArray();
        if (unfed.Length > 0) throw Lie(
            pack, $"its model also has the input{(unfed.Length > 1 ? "s" : "")} '{string.Join("', '", unfed)}', which nothing feeds");

        var latent = pack.Definition.Latent;
        if (!model.OutputMetadata.TryGetValue(latent.Tensor, out var output))
            throw NoSuch("latent.tensor", latent.Tensor, "output", model.OutputMetadata.Keys);
        var axis = latent.Pooling == Pooling.SpatialMean ? 1 : output.Dimensions.Length - 1;
        var declared = latent.Pooling != Pooling.None && output.Dimensions.Length > axis && axis >= 0 ? output.Dimensions[axis]
            : latent.Pooling == Pooling.None && output.Dimensions.Length == 2 ? output.Dimensions[1]
            : -1;
        if (declared > 0 && declared != latent.Dimension)
            throw Lie(pack, $"its output '{latent.Tensor}' is {Shape(output.Dimensions)}, but 'latent.dimension' is {latent.Dimension}");
        return (rows, length);

        FuseMixException NoSuch(string key, string name, string kind, IEnumerable<string> known)
        {
            var all = known.Order(StringComparer.Ordinal).ToArray();
            var nearest = NearestName.Of(name, all);
            return new FuseMixException(
                FailureKind.Corrupt,
                $"The encoder pack '{pack.Name}' lies: '{key}' is '{name}', but its model has no such {kind}.",
                nearest is not null ? $"Did you mean '{nearest}'?" : $"The model's {kind}s: {string.Join(", ", all)}.");
        }
    }

    /// <summary>One line per input and output, for people.</summary>
    public static IReadOnlyList<string> Describe(InferenceSession model) =>
    [
        .. model.InputMetadata.Select(pair => $"input {pair.Key} {Describe(pair.Value)}"),
        .. model.OutputMetadata.Select(pair => $"output {pair.Key} {Describe(pair.Value)}"),
    ];

    /// <summary>The failure of a pack whose model is not as it says.</summary>
    public static FuseMixException Lie(EncoderPack pack, string how) => new(
        FailureKind.Corrupt,
        $"The encoder pack '{pack.Name}' lies: {how}.",
        $"Correct {Path.Combine(pack.Folder, EncoderPackDefinition.FileName)}; docs/encoder-packs.md explains its keys.");

    public static string Shape(IEnumerable<int> shape) => $"[{string.Join(", ", shape.Select(d => d < 0 ? "?" : $"{d}"))}]";

    private static string Describe(NodeMetadata node) =>
        node.IsTensor ? $"{node.ElementDataType} {Shape(node.Dimensions)}" : $"{node.OnnxValueType}";
}
