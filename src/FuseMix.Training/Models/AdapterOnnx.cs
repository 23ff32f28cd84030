using FuseMix.Onnx;
using FuseMix.Training.Adapters;
using FuseMix.Training.Kernels;
using FuseMix.Training.Normalisation;

namespace FuseMix.Training.Models;

/// <summary>A branch of a fusion model as an ONNX graph: latents [n, D] in, unit-length embeddings [n, D_s] out.</summary>
internal static class AdapterOnnx
{
    /// <summary>The first operator set with LayerNormalization.</summary>
    private const int Opset = 17;

    public static OnnxGraph Build(Modality modality, ModelBranch branch)
    {
        var graph = new OnnxGraph($"{TrainingData.Name(modality)}-adapter", Opset);
        var (transform, shape) = (branch.Transform, branch.Shape);
        graph.Metadata("encoder", branch.Source.Encoder);
        graph.Metadata("encoderFingerprint", branch.Source.Fingerprint.Hex);
        var x = graph.Input("latents", OnnxElement.Float, "n", transform.Input);
        if (transform.Kind != TransformKind.None)
        {
            x = graph.Node("Sub", [x, graph.Initializer("transform.mean", transform.Mean, transform.Input)]);
            x = transform.Rotates
                ? graph.Node(
                    "Gemm",
                    [x, graph.Initializer("transform.factors", transform.Factors, transform.Output, transform.Input)],
                    [OnnxAttribute.Int("transB", 1)])
                : graph.Node("Mul", [x, graph.Initializer("transform.factors", transform.Factors, transform.Input)]);
        }

        var parameters = shape.Parameters.Select(p => graph.Initializer(p.Name, branch.Values(p), p.Dimensions)).ToArray();
        if (shape.Kind == AdapterKind.Linear)
        {
            x = Linear(x, parameters[0], parameters[1]);
        }
        else if (shape.Kind == AdapterKind.Mlp)
        {
            for (var block = 0; block < shape.Depth; block++)
            {
                var p = parameters.AsSpan(block * AdapterShape.PerBlock, AdapterShape.PerBlock);
                var hidden = Linear(Norm(x, p[0], p[1]), p[2], p[3]);

                // GELU in its erf form: ½·u·(1 + erf(u/√2)).
                var erf = graph.Node("Erf", [graph.Node("Mul", [hidden, graph.Scalar(0.70710678f)])]);
                var active = graph.Node(
                    "Mul", [graph.Node("Mul", [hidden, graph.Scalar(0.5f)]), graph.Node("Add", [erf, graph.Scalar(1)])]);
                x = graph.Node("Add", [x, Linear(active, p[4], p[5])]);
            }

            x = Linear(Norm(x, parameters[^4], parameters[^3]), parameters[^2], parameters[^1]);
        }

        var length = graph.Node("ReduceL2", [x], [OnnxAttribute.Ints("axes", -1), OnnxAttribute.Int("keepdims", 1)]);
        var unit = graph.Node("Div", [x, graph.Node("Max", [length, graph.Scalar(1e-12f)])]);
        graph.Output(unit, "embeddings", OnnxElement.Float, "n", shape.Output);
        return graph;

        OnnxValue Linear(OnnxValue input, OnnxValue weight, OnnxValue bias) =>
            graph.Node("Gemm", [input, weight, bias], [OnnxAttribute.Int("transB", 1)]);

        OnnxValue Norm(OnnxValue input, OnnxValue gain, OnnxValue offset) => graph.Node(
            "LayerNormalization",
            [input, gain, offset],
            [OnnxAttribute.Int("axis", -1), OnnxAttribute.Float("epsilon", RowKernels.LayerNormEpsilon)]);
    }
}
