using System.Text;
using System.Text.Json.Nodes;
using FuseMix.Encoders.Import.Networks;
using FuseMix.Encoders.Import.TensorFlowJs;
using FuseMix.Testing;

namespace FuseMix.Encoders.Import.Tests.TensorFlowJs;

public sealed class GraphModelTests
{
    [Theory]
    [InlineData(8, 8, 3, 1, 1, true)]
    [InlineData(8, 8, 3, 2, 1, true)]
    [InlineData(9, 7, 3, 2, 1, true)]
    [InlineData(9, 7, 2, 2, 1, true)]
    [InlineData(9, 8, 4, 3, 1, true)]
    [InlineData(5, 5, 7, 1, 1, true)]
    [InlineData(9, 9, 3, 1, 2, true)]
    [InlineData(5, 6, 1, 2, 1, true)]
    [InlineData(9, 8, 3, 2, 1, false)]
    [InlineData(9, 8, 3, 1, 2, false)]
    [InlineData(3, 3, 3, 5, 1, false)]
    public void A_convolution_equals_its_definition(int height, int width, int kernel, int stride, int dilation, bool same)
    {
        var picture = Scalar.Random(height, width, 3, 1);
        var weights = Scalar.Random(kernel, kernel, 3 * 5, 2).Values;
        var model = new SyntheticModel().Placeholder("in", height, width, 3).Const("w", [kernel, kernel, 3, 5], weights)
            .Node("conv", "Conv2D", ["in", "w"], SyntheticModel.Window(stride, same, dilation));

        Equal(picture.Convolution(weights, kernel, kernel, 5, stride, dilation, same).Mean(), model.RunGraph("conv", picture));
    }

    [Theory]
    [InlineData(8, 3, 1, 1, true)]
    [InlineData(8, 3, 2, 1, true)]
    [InlineData(7, 3, 2, 2, true)]
    [InlineData(7, 4, 3, 3, false)]
    public void A_depthwise_convolution_equals_its_definition(int size, int kernel, int stride, int multiplier, bool same)
    {
        var picture = Scalar.Random(size, size + 1, 4, 3);
        var weights = Scalar.Random(kernel, kernel, 4 * multiplier, 4).Values;
        var model = new SyntheticModel().Placeholder("in", size, size + 1, 4).Const("w", [kernel, kernel, 4, multiplier], weights)
            .Node("dw", "DepthwiseConv2dNative", ["in", "w:0"], SyntheticModel.Window(stride, same));

        Equal(picture.Depthwise(weights, kernel, kernel, multiplier, stride, same).Mean(), model.RunGraph("dw", picture));
    }

    [Theory]
    [InlineData("MaxPool", 8, 3, 2, true)]
    [InlineData("MaxPool", 7, 2, 2, true)]
    [InlineData("MaxPool", 7, 3, 2, false)]
    [InlineData("AvgPool", 8, 3, 2, true)]
    [InlineData("AvgPool", 7, 3, 1, true)]
    [InlineData("AvgPool", 7, 4, 3, false)]
    public void A_pool_equals_its_definition(string op, int size, int kernel, int stride, bool same)
    {
        // All values are below zero, so that a padding with zeros would win every maximum.
        var picture = Scalar.Random(size, size + 2, 3, 5).Map((v, _) => v - 2);
        var model = new SyntheticModel().Placeholder("in", size, size + 2, 3).Node(
            "pool", op, ["in"], SyntheticModel.Window(stride, same, kernel: kernel));
        var expected = op == "MaxPool" ? picture.MaxPool(kernel, kernel, stride, same) : picture.AveragePool(kernel, kernel, stride, same);

        Equal(expected.Mean(), model.RunGraph("pool", picture));
    }

    [Fact]
    public void Fused_bias_and_relu6_follow_the_convolution()
    {
        var picture = Scalar.Random(6, 6, 2, 6);
        var weights = Scalar.Random(3, 3, 2 * 3, 7).Map((v, _) => v * 9).Values;
        float[] bias = [0.5f, -1, 3];
        var expected = picture.Convolution(weights, 3, 3, 3, 1, 1, same: true).Map((v, c) => Math.Clamp(v + bias[c], 0, 6));
        var model = new SyntheticModel().Placeholder("in", 6, 6, 2).Const("w", [3, 3, 2, 3], weights).Const("b", [3], bias)
            .Node("conv", "_FusedConv2D", ["in", "w", "b"], SyntheticModel.Window(1, true, fused: ["BiasAdd", "Relu6"]));

        Equal(expected.Mean(), model.RunGraph("conv", picture));
    }

    [Fact]
    public void Arithmetic_with_constants_keeps_the_order_of_its_operands()
    {
        var picture = Scalar.Random(4, 4, 3, 8);
        var model = new SyntheticModel().Placeholder("in", 4, 4, 3).Const("two", [], 2).Const("offsets", [1, 1, 3], 1, 10, 100)
            .Node("mul", "Mul", ["two", "in"])
            .Node("copy", "Identity", ["offsets"])
            .Node("sub", "Sub", ["copy", "mul"])
            .Node("add", "AddV2", ["sub", "in"])
            .Node("relu", "Relu", ["add"])
            .Node("biased", "BiasAdd", ["relu", "copy"]);
        float[] offsets = [1, 10, 100];
        var expected = picture.Map((v, c) => Math.Max(offsets[c] - (2 * v) + v, 0) + offsets[c]);

        Equal(expected.Mean(), model.RunGraph("biased", picture));
    }

    [Fact]
    public void Batch_normalisation_and_concatenation_equal_their_definition()
    {
        var picture = Scalar.Random(4, 5, 2, 9);
        var model = new SyntheticModel().Placeholder("in", 4, 5, 2)
            .Const("g", [2], 2, 3).Const("b", [2], 5, 6).Const("m", [2], 0.5f, -0.5f).Const("v", [2], 0.25f, 4).Const("axis", [], 3)
            .Node("bn", "FusedBatchNormV3", ["in", "g", "b", "m", "v"], new JsonObject { ["epsilon"] = new JsonObject { ["f"] = 0.01 } })
            .Node("cat", "ConcatV2", ["in", "bn", "axis"]);
        float[] g = [2, 3], b = [5, 6], m = [0.5f, -0.5f], v = [0.25f, 4];
        var normalised = picture.Map((x, c) => ((x - m[c]) / MathF.Sqrt(v[c] + 0.01f) * g[c]) + b[c]);

        Equal(picture.Join(normalised).Mean(), model.RunGraph("cat", picture));
    }

    [Fact]
    public void Nodes_may_come_in_any_order_and_what_the_output_does_not_need_is_ignored()
    {
        var picture = Scalar.Random(4, 4, 1, 10);
        var model = new SyntheticModel()
            .Node("b", "Add", ["a", "a"])
            .Node("strange", "FancyOp", ["b"])
            .Node("a", "Relu", ["in", "^strange"])
            .Placeholder("in", 4, 4, 1);

        Equal(picture.Map((x, _) => 2 * Math.Max(x, 0)).Mean(), model.RunGraph("b", picture));
    }

    [Fact]
    public void An_unknown_operation_is_named()
    {
        var e = Refused(new SyntheticModel().Placeholder("in", 4, 4, 1).Node("x", "FancyOp", ["in"]), "x");

        Assert.Contains("'x' is the operation 'FancyOp'", e.Message);
    }

    [Fact]
    public void A_missing_weight_is_named()
    {
        var model = new SyntheticModel().Placeholder("in", 4, 4, 1).Weight("kernel-2", [1, 1, 1, 1], 1);
        model.Nodes.Add(new JsonObject { ["name"] = "kernel", ["op"] = "Const", ["attr"] = new JsonObject() });
        model.Node("conv", "Conv2D", ["in", "kernel"], SyntheticModel.Window(1, true));

        var e = Refused(model, "conv");

        Assert.Contains("no weight 'kernel'", e.Message);
        Assert.Contains("'kernel-2'", e.Remedy);
    }

    [Fact]
    public void A_missing_node_is_named() => Assert.Contains("'y'", Refused(new SyntheticModel().Node("x", "Relu", ["y"]), "x").Message);

    [Fact]
    public void Nodes_that_wait_for_each_other_are_refused() =>
        Assert.Contains("depends on itself", Refused(new SyntheticModel().Node("x", "Relu", ["y"]).Node("y", "Relu", ["x"]), "x").Message);

    [Fact]
    public void A_very_long_chain_is_no_trouble()
    {
        var model = new SyntheticModel().Placeholder("n0", 1, 1, 1);
        for (var i = 1; i <= 20_000; i++) model.Node($"n{i}", "Identity", [$"n{i - 1}"]);
        var picture = Scalar.Random(1, 1, 1, 11);

        Equal(picture.Values, model.RunGraph("n20000", picture));
    }

    [Theory]
    [InlineData(3, 3, 5, "applies the kernel 'w' [3, 3, 5, 2] to 4 channels")]
    [InlineData(9, 3, 4, "lays a window of 9 on")]
    public void A_kernel_that_does_not_fit_is_named(int kh, int kw, int inputs, string expected)
    {
        var model = new SyntheticModel().Placeholder("in", 6, 6, 4).Const("w", [kh, kw, inputs, 2], new float[kh * kw * inputs * 2])
            .Node("conv", "Conv2D", ["in", "w"], SyntheticModel.Window(1, same: false));

        var e = Refused(model, "conv");

        Assert.Contains("'conv'", e.Message);
        Assert.Contains(expected, e.Message);
    }

    [Fact]
    public void Another_padding_or_layout_or_activation_is_refused()
    {
        var attributes = SyntheticModel.Window(1, true, fused: ["BiasAdd", "Elu"]);
        var model = new SyntheticModel().Placeholder("in", 6, 6, 1).Const("w", [1, 1, 1, 1], 1).Const("b", [1], 1);
        Assert.Contains(
            "'elu'", Refused(model.Node("a", "_FusedConv2D", ["in", "w", "b"], (JsonObject)attributes.DeepClone()), "a").Message);
        attributes["data_format"] = new JsonObject { ["s"] = new JsonArray { 78, 67, 72, 87 } };
        Assert.Contains(
            "'NCHW'", Refused(model.Node("b2", "_FusedConv2D", ["in", "w", "b"], (JsonObject)attributes.DeepClone()), "b2").Message);
        attributes["data_format"] = new JsonObject { ["s"] = new JsonArray { 78, 72, 87, 67 } };
        attributes["padding"] = new JsonObject { ["s"] = "RVhQTElDSVQ=" };
        Assert.Contains("'EXPLICIT'", Refused(model.Node("c", "_FusedConv2D", ["in", "w", "b"], attributes), "c").Message);
    }

    [Fact]
    public void Several_inputs_are_refused()
    {
        var model = new SyntheticModel().Placeholder("a", 6, 6, 4).Placeholder("b", 6, 6, 4).Node("sum", "Add", ["a", "b"]);

        Assert.Contains("several inputs", Refused(model, "sum").Message);
    }

    [Fact]
    public void Any_damage_to_a_model_fails_only_in_words()
    {
        var model = new SyntheticModel().Placeholder("in", 6, 6, 2).Const("w", [3, 3, 2, 2], new float[36]).Const("b", [4], 1, 2, 3, 4)
            .Const("axis", [], 3)
            .Node("dw", "FusedDepthwiseConv2dNative", ["in", "w", "b"], SyntheticModel.Window(2, true, fused: ["BiasAdd", "Relu6"]))
            .Node("pool", "AvgPool", ["dw"], SyntheticModel.Window(1, false, kernel: 2))
            .Node("cat", "ConcatV2", ["pool", "pool", "axis"])
            .Node("out", "Mul", ["cat", "cat"]);
        var read = 0;
        foreach (var damaged in Mutations.Of(Encoding.UTF8.GetBytes(model.Json()), seed: 31, count: 5_000))
        {
            try
            {
                var part = new JsonPart(JavaScriptLiteral.ReadExport("e.exports=" + Encoding.Latin1.GetString(damaged), "t"), "t:");
                var network = new ImageNetwork("test");
                network.OutputMean("latent", new GraphModel(part, model.Table()).Convert(network, "picture", "out"));
                network.Graph.ToBytes();
                read++;
            }
            catch (FuseMixException e)
            {
                Assert.Equal(FailureKind.Corrupt, e.Kind);
            }
        }

        Assert.InRange(read, 1, 4_999);
    }

    private static FuseMixException Refused(SyntheticModel model, string output) =>
        Assert.Throws<FuseMixException>(() => model.RunGraph(output, Scalar.Random(6, 6, 4, 12)));

    private static void Equal(float[] expected, float[] actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (var i = 0; i < expected.Length; i++) Assert.Equal(expected[i], actual[i], 1e-5f * Math.Max(1, Math.Abs(expected[i])));
    }
}
