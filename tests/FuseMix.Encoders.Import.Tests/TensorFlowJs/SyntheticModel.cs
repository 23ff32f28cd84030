using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using FuseMix.Encoders.Import.Networks;
using FuseMix.Encoders.Import.TensorFlowJs;

namespace FuseMix.Encoders.Import.Tests.TensorFlowJs;

/// <summary>A small TensorFlow.js model, made as its converter writes one.</summary>
internal sealed class SyntheticModel
{
    private readonly JsonArray _weights = [];
    private readonly MemoryStream _bytes = new();

    public JsonArray Nodes { get; } = [];

    public JsonArray Layers { get; } = [];

    public SyntheticModel Weight(string name, int[] shape, params float[] values)
    {
        _weights.Add(new JsonObject { ["name"] = name, ["shape"] = Array(shape), ["dtype"] = "float32" });
        _bytes.Write(MemoryMarshal.AsBytes(values.AsSpan()));
        return this;
    }

    public SyntheticModel Const(string name, int[] shape, params float[] values)
    {
        Nodes.Add(new JsonObject { ["name"] = name, ["op"] = "Const", ["attr"] = new JsonObject() });
        return Weight(name, shape, values);
    }

    public SyntheticModel Placeholder(string name, int height, int width, int channels) => Node(name, "Placeholder", [], new JsonObject
    {
        ["shape"] = new JsonObject
        {
            ["shape"] = new JsonObject
            {
                ["dim"] = new JsonArray(
                    [.. new[] { -1, height, width, channels }.Select(d => (JsonNode)new JsonObject { ["size"] = $"{d}" })]),
            },
        },
    });

    public SyntheticModel Node(string name, string op, string[] inputs, JsonObject? attributes = null)
    {
        Nodes.Add(
            new JsonObject
            {
                ["name"] = name,
                ["op"] = op,
                ["input"] = new JsonArray([.. inputs.Select(i => (JsonNode)i)]),
                ["attr"] = attributes ?? [],
            });
        return this;
    }

    public static JsonObject Window(int stride, bool same, int dilation = 1, int? kernel = null, params string[] fused)
    {
        var attributes = new JsonObject
        {
            ["strides"] = List(1, stride, stride, 1),
            ["dilations"] = List(1, dilation, dilation, 1),
            ["padding"] = Bytes(same ? "SAME" : "VALID"),
            ["data_format"] = Bytes("NHWC"),
        };
        if (kernel is { } k) attributes["ksize"] = List(1, k, k, 1);
        if (fused.Length > 0)
        {
            var s = new JsonArray([.. fused.Select(f => (JsonNode)Convert.ToBase64String(Encoding.ASCII.GetBytes(f)))]);
            attributes["fused_ops"] = new JsonObject { ["list"] = new JsonObject { ["s"] = s } };
        }

        return attributes;
    }

    public JsonPart Model() => new(JsonDocument.Parse(Json()).RootElement, "model.json:");

    public string Json()
    {
        var model = new JsonObject
        {
            ["modelTopology"] = new JsonObject
            {
                ["node"] = Nodes.DeepClone(),
                ["model_config"] = new JsonObject { ["config"] = new JsonObject { ["layers"] = Layers.DeepClone() } },
            },
            ["weightsManifest"] =
                new JsonArray { new JsonObject { ["paths"] = new JsonArray { "a" }, ["weights"] = _weights.DeepClone() } },
        };
        return model.ToJsonString();
    }

    public float[] RunGraph(string output, Scalar picture)
    {
        var network = new ImageNetwork("test");
        network.OutputMean("latent", new GraphModel(Model(), Table()).Convert(network, "picture", output));
        return OnnxRun.Run(network.Graph, "picture", picture.Values, 1, picture.Height, picture.Width, picture.Channels);
    }

    public float[] RunLayers(string output, Scalar picture)
    {
        var network = new ImageNetwork("test");
        network.OutputMean("latent", new LayersModel(Model(), Table()).Convert(network, "picture", output));
        return OnnxRun.Run(network.Graph, "picture", picture.Values, 1, picture.Height, picture.Width, picture.Channels);
    }

    public WeightTable Table() => WeightTable.Read(Model()["weightsManifest"], _ => _bytes.ToArray());

    private static JsonObject List(params int[] values) =>
        new() { ["list"] = new JsonObject { ["i"] = new JsonArray([.. values.Select(v => (JsonNode)$"{v}")]) } };

    private static JsonObject Bytes(string text) => new() { ["s"] = Convert.ToBase64String(Encoding.ASCII.GetBytes(text)) };

    private static JsonArray Array(int[] values) => new([.. values.Select(v => (JsonNode)v)]);
}
