using System.Text;
using System.Text.Json.Nodes;
using FuseMix.Encoders.Import.Networks;
using FuseMix.Encoders.Import.TensorFlowJs;
using FuseMix.Testing;

namespace FuseMix.Encoders.Import.Tests.TensorFlowJs;

public sealed class LayersModelTests
{
    [Fact]
    public void A_small_network_equals_its_definition()
    {
        var picture = Scalar.Random(7, 9, 3, 1);
        var kernel = Scalar.Random(3, 3, 3 * 4, 2).Values;
        float[] bias = [1, -1, 0.5f, 0], beta = [0.1f, 0.2f, 0.3f, 0.4f], mean = [0.5f, 0, -0.5f, 1], variance = [1, 2, 0.5f, 0.25f];
        var model = Small().Weight("conv/kernel", [3, 3, 3, 4], kernel).Weight("conv/bias", [4], bias)
            .Weight("bn/beta", [4], beta).Weight("bn/moving_mean", [4], mean).Weight("bn/moving_variance", [4], variance);
        var normalised = picture.Convolution(kernel, 3, 3, 4, 2, 1, same: true)
            .Map((v, c) => v + bias[c])
            .Map((v, c) => Math.Max(((v - mean[c]) / MathF.Sqrt(variance[c] + 0.001f)) + beta[c], 0));
        var expected = normalised.MaxPool(3, 3, 1, same: true).Join(normalised.AveragePool(3, 3, 1, same: true)).Mean();

        var actual = model.RunLayers("mixed", picture);

        Assert.Equal(8, actual.Length);
        for (var i = 0; i < 8; i++) Assert.Equal(expected[i], actual[i], 1e-5f);
    }

    [Fact]
    public void An_unknown_layer_is_named()
    {
        var model = Small();
        Layer(model, "odd", "Lambda", [], "in");

        var e = Assert.Throws<FuseMixException>(() => model.RunLayers("odd", Scalar.Random(7, 9, 3, 1)));

        Assert.Contains("'odd'", e.Message);
        Assert.Contains("Lambda", e.Message);
    }

    [Fact]
    public void A_missing_weight_is_named() =>
        Assert.Contains(
            "'conv/bias'", Assert.Throws<FuseMixException>(() => Small().RunLayers("mixed", Scalar.Random(7, 9, 3, 1))).Message);

    [Fact]
    public void A_missing_output_is_named_with_the_nearest() =>
        Assert.Contains("'mixed'", Assert.Throws<FuseMixException>(() => Small().RunLayers("mixed1", Scalar.Random(7, 9, 3, 1))).Remedy);

    [Fact]
    public void Layers_in_a_circle_are_refused()
    {
        var model = new SyntheticModel();
        Layer(model, "a", "Activation", new JsonObject { ["activation"] = "relu" }, "b");
        Layer(model, "b", "Activation", new JsonObject { ["activation"] = "relu" }, "a");

        Assert.Contains(
            "does not come before it", Assert.Throws<FuseMixException>(() => model.RunLayers("b", Scalar.Random(1, 1, 1, 1))).Message);
    }

    [Fact]
    public void Any_damage_to_a_model_fails_only_in_words()
    {
        var model = Small().Weight("conv/kernel", [3, 3, 3, 4], new float[108]).Weight("conv/bias", [4], new float[4])
            .Weight("bn/beta", [4], new float[4]).Weight("bn/moving_mean", [4], new float[4]).Weight(
                "bn/moving_variance", [4], new float[4]);
        var read = 0;
        foreach (var damaged in Mutations.Of(Encoding.UTF8.GetBytes(model.Json()), seed: 32, count: 5_000))
        {
            try
            {
                var part = new JsonPart(JavaScriptLiteral.ReadExport("e.exports=" + Encoding.Latin1.GetString(damaged), "t"), "t:");
                var network = new ImageNetwork("test");
                network.OutputMean("latent", new LayersModel(part, model.Table()).Convert(network, "picture", "mixed"));
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

    private static SyntheticModel Small()
    {
        var model = new SyntheticModel();
        Layer(model, "in", "InputLayer", new JsonObject { ["batch_input_shape"] = new JsonArray { null, 7, 9, 3 } });
        Layer(
            model,
            "conv",
            "Conv2D",
            Window(
                2, "same", new JsonObject { ["use_bias"] = true, ["activation"] = "linear", ["dilation_rate"] = new JsonArray { 1, 1 } }),
            "in");
        Layer(
            model,
            "bn",
            "BatchNormalization",
            new JsonObject { ["axis"] = 3, ["epsilon"] = 0.001, ["scale"] = false, ["center"] = true },
            "conv");
        Layer(model, "act", "Activation", new JsonObject { ["activation"] = "relu" }, "bn");
        Layer(model, "max", "MaxPooling2D", Window(1, "same", new JsonObject { ["pool_size"] = new JsonArray { 3, 3 } }), "act");
        Layer(model, "avg", "AveragePooling2D", Window(1, "same", new JsonObject { ["pool_size"] = new JsonArray { 3, 3 } }), "act");
        Layer(model, "mixed", "Concatenate", new JsonObject { ["axis"] = 3 }, "max", "avg");
        return model;
    }

    private static JsonObject Window(int stride, string padding, JsonObject config)
    {
        config["strides"] = new JsonArray { stride, stride };
        config["padding"] = padding;
        config["data_format"] = "channels_last";
        return config;
    }

    private static void Layer(SyntheticModel model, string name, string kind, JsonObject config, params string[] inputs)
    {
        var calls = new JsonArray();
        if (inputs.Length > 0) calls.Add(new JsonArray([.. inputs.Select(i => (JsonNode)new JsonArray { i, 0, 0, new JsonObject() })]));
        model.Layers.Add(new JsonObject { ["name"] = name, ["class_name"] = kind, ["config"] = config, ["inbound_nodes"] = calls });
    }
}
