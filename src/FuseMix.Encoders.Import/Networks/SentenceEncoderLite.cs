using FuseMix.Encoders.Import.TensorFlowJs;
using FuseMix.Onnx;

namespace FuseMix.Encoders.Import.Networks;

/// <summary>The Universal Sentence Encoder Lite, written anew from its named weights: its own graph works on sparse batches.</summary>
/// <remarks>
/// Two transformer layers of 4 heads (Cer et al., "Universal Sentence Encoder", 2018), 256 wide before and 512 wide after the first
/// attention; mean over the tokens, one tanh layer, unit length. The embedding is added twice, as the published graph does.
/// </remarks>
internal sealed class SentenceEncoderLite
{
    /// <summary>The most tokens that position signals are there for.</summary>
    public const int MaxTokens = 128;

    /// <summary>Values per latent.</summary>
    public const int Dimension = 512;

    private const int Pieces = 8002;
    private const int EmbeddingWidth = 256;
    private const int Heads = 4;
    private const int InnerWidth = 1536;
    private const string Applied = "module_apply_default/Encoder_en/KonaTransformer/Encode/";
    private const string Stored = "module/Encoder_en/KonaTransformer/Encode/";

    // LayerNormalization is one operator from here on.
    private const int Opset = 17;

    private readonly OnnxGraph _graph = new("use-lite", Opset);
    private readonly WeightTable _weights;

    private SentenceEncoderLite(WeightTable weights) => _weights = weights;

    /// <summary>The model: <c>ids</c> int64 [n, l] and <c>mask</c> float [n, l] with l ≤ 128 → <c>latent</c> [n, 512].</summary>
    /// <exception cref="FuseMixException">A weight is missing or has another shape; it is named.</exception>
    public static OnnxGraph Build(WeightTable weights) => new SentenceEncoderLite(weights).Build();

    private OnnxGraph Build()
    {
        var ids = _graph.Input("ids", OnnxElement.Int64, "n", "l");
        var mask = _graph.Input("mask", OnnxElement.Float, "n", "l");
        var positionMask = _graph.Node("Unsqueeze", [mask, _graph.Longs(2)]);
        var attentionBias = AttentionBias(mask);

        var x = Embed(ids, positionMask);
        var dense = Constant($"{Applied}Layer_0/TransformerLayer/dense/kernel/ConcatPartitions/concat", EmbeddingWidth, Dimension);
        var denseBias = Constant($"{Applied}Layer_0/TransformerLayer/dense/bias/ConcatPartitions/concat", Dimension);
        var residual = _graph.Node("Mul", [_graph.Node("Add", [_graph.Node("MatMul", [x, dense]), denseBias]), positionMask]);

        x = Layer(0, x, residual, EmbeddingWidth, positionMask, attentionBias);
        x = Layer(1, x, x, Dimension, positionMask, attentionBias);

        var sum = _graph.Node("ReduceSum", [_graph.Node("Mul", [x, positionMask]), _graph.Longs(1)], [OnnxAttribute.Int("keepdims", 0)]);
        var length = _graph.Node("ReduceSum", [mask, _graph.Longs(1)], [OnnxAttribute.Int("keepdims", 1)]);
        var mean = _graph.Node("Div", [sum, _graph.Node("Max", [length, _graph.Scalar(1)])]);
        var hidden = Constant("module/Encoder_en/hidden_layers/tanh_layer_0/weights", Dimension, Dimension);
        var hiddenBias = Constant("module/Encoder_en/hidden_layers/tanh_layer_0/bias", Dimension);
        var t = _graph.Node("Tanh", [_graph.Node("Gemm", [mean, hidden, hiddenBias])]);
        var squares = _graph.Node("ReduceSumSquare", [t], [OnnxAttribute.Ints("axes", 1), OnnxAttribute.Int("keepdims", 1)]);
        var norm = _graph.Node("Sqrt", [_graph.Node("Max", [squares, _graph.Scalar(1e-12f)])]);
        _graph.Output(_graph.Node("Div", [t, norm], [], "latent"), "latent", OnnxElement.Float, "n", Dimension);
        return _graph;
    }

    private OnnxValue AttentionBias(OnnxValue mask)
    {
        var hidden = _graph.Node("Sub", [_graph.Scalar(1), mask]);
        return _graph.Node("Unsqueeze", [_graph.Node("Mul", [hidden, _graph.Scalar(-1e9f)]), _graph.Longs(1, 2)]);
    }

    private OnnxValue Embed(OnnxValue ids, OnnxValue positionMask)
    {
        // Doubling is exact in fp32, so doing it once here equals adding the embedding twice.
        var embeddings = _weights["module/Embeddings_en", Pieces, EmbeddingWidth];
        var doubled = new float[embeddings.Values.Length];
        for (var i = 0; i < doubled.Length; i++) doubled[i] = 2 * embeddings.Values[i];
        var table = _graph.Initializer("embeddings", doubled, Pieces, EmbeddingWidth);

        var frequencies =
            _weights[$"{Applied}TransformerStack/Layer_0/AddTimingSignal/TimingSignal/ExpandDims_1", 1, EmbeddingWidth / 2].Values;
        var signal = new float[MaxTokens * EmbeddingWidth];
        for (var position = 0; position < MaxTokens; position++)
        {
            for (var i = 0; i < frequencies.Length; i++)
            {
                var angle = position * frequencies[i];
                signal[(position * EmbeddingWidth) + i] = (float)Math.Sin(angle);
                signal[(position * EmbeddingWidth) + frequencies.Length + i] = (float)Math.Cos(angle);
            }
        }

        var signals = _graph.Initializer("signals", signal, MaxTokens, EmbeddingWidth);
        var length = _graph.Node("Slice", [_graph.Node("Shape", [ids]), _graph.Longs(1), _graph.Longs(2)]);
        var used = _graph.Node("Slice", [signals, _graph.Longs(0), length, _graph.Longs(0)]);
        return _graph.Node("Mul", [_graph.Node("Add", [_graph.Node("Gather", [table, ids]), used]), positionMask]);
    }

    private OnnxValue Layer(int index, OnnxValue x, OnnxValue residual, int width, OnnxValue positionMask, OnnxValue attentionBias)
    {
        // The kernels kept their variables' names; biases and norms were folded out of partitions under the names of the applied module.
        var applied = $"{Applied}Layer_{index}/TransformerLayer/";
        var attentionKernels = $"{Stored}Layer_{index}/TransformerLayer/MultiheadAttention/";
        var attentionBiases = $"{applied}MultiheadAttention/";
        var innerKernels = $"{Applied}TransformerStack/Layer_{index}/TransformerLayer/FFN/";
        var innerBiases = $"{applied}FFN/";
        var head = width / Heads;

        var h = Normalise(applied, x, width);
        var qkv = Affine(
            h,
            attentionKernels + "qkv_transform_single/kernel/part_0",
            attentionBiases + "qkv_transform_single/bias/ConcatPartitions/concat",
            width,
            3 * width);
        var parts = _graph.Nodes("Split", 3, [qkv, _graph.Longs(width, width, width)], [OnnxAttribute.Int("axis", 2)]);
        var query = _graph.Node("Mul", [SplitHeads(parts[0], head, 0, 2, 1, 3), _graph.Scalar((float)Math.Pow(head, -0.5))]);
        var scores = _graph.Node("Add", [_graph.Node("MatMul", [query, SplitHeads(parts[1], head, 0, 2, 3, 1)]), attentionBias]);
        var attention = _graph.Node("Softmax", [scores], [OnnxAttribute.Int("axis", -1)]);
        var heads = _graph.Node("MatMul", [attention, SplitHeads(parts[2], head, 0, 2, 1, 3)]);
        var joined = _graph.Node(
            "Reshape", [_graph.Node("Transpose", [heads], [OnnxAttribute.Ints("perm", 0, 2, 1, 3)]), _graph.Longs(0, 0, width)]);
        var projected = Affine(
            joined,
            attentionKernels + "output_transform_single/kernel/part_0",
            attentionBiases + "output_transform_single/bias/ConcatPartitions/concat",
            width,
            Dimension);
        var y = _graph.Node("Add", [projected, residual]);

        h = Normalise(innerBiases, y, Dimension);
        h = Affine(
            h, innerKernels + "conv1/Tensordot/Reshape_1", innerBiases + "conv1/bias/ConcatPartitions/concat", Dimension, InnerWidth);
        h = _graph.Node("Relu", [h]);
        var outer = Affine(
            h, innerKernels + "conv2/Tensordot/Reshape_1", innerBiases + "conv2/bias/ConcatPartitions/concat", InnerWidth, Dimension);
        return _graph.Node("Add", [y, _graph.Node("Mul", [outer, positionMask])]);
    }

    private OnnxValue Normalise(string layer, OnnxValue x, int width)
    {
        var scale = Constant(layer + "layer_prepostprocess/layer_norm/layer_norm_scale/ConcatPartitions/concat", width);
        var bias = Constant(layer + "layer_prepostprocess/layer_norm/layer_norm_bias/ConcatPartitions/concat", width);
        return _graph.Node("LayerNormalization", [x, scale, bias], [OnnxAttribute.Int("axis", -1), OnnxAttribute.Float("epsilon", 1e-6f)]);
    }

    private OnnxValue SplitHeads(OnnxValue x, int head, params ReadOnlySpan<long> order) =>
        _graph.Node("Transpose", [_graph.Node("Reshape", [x, _graph.Longs(0, 0, Heads, head)])], [OnnxAttribute.Ints("perm", order)]);

    private OnnxValue Affine(OnnxValue x, string kernel, string bias, int inputs, int outputs)
    {
        // Kernels of what was a 1 × 1 convolution come as [1, 1, in, out].
        var weight = _weights[kernel];
        if (weight.Shape is [1, 1, _, _]) weight = weight with { Shape = weight.Shape[2..] };
        if (!weight.Shape.AsSpan().SequenceEqual([inputs, outputs]))
            throw new FuseMixException(
                FailureKind.Corrupt, $"The weight '{kernel}' is {_weights[kernel].ShapeText}, not [{inputs}, {outputs}].");
        var product = _graph.Node("MatMul", [x, _graph.Initializer(kernel, weight.Values, inputs, outputs)]);
        return _graph.Node("Add", [product, Constant(bias, outputs)]);
    }

    private OnnxValue Constant(string name, params ReadOnlySpan<int> shape) =>
        _graph.Initializer(name, _weights[name, shape].Values, shape);
}
