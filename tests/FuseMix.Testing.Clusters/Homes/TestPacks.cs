using System.Text.Json;
using System.Text.Json.Nodes;
using FuseMix.Onnx;

namespace FuseMix.Testing.Clusters;

/// <summary>Small encoder packs with real ONNX models, whose latents a test can work out by hand.</summary>
internal static class TestPacks
{
    /// <summary>The words of the text pack; "nan" has an infinite embedding, and the model has none at all for "beyond".</summary>
    public static readonly string[] Vocabulary =
    [
        "[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "dog", "cat", "two", "red", "boats", "on", "the", "lake", "##s", ",", ".", "nan", "beyond",
    ];

    /// <summary>One value of a word's embedding; the padding's is not zero, so that a missing mask shows.</summary>
    public static float Embedding(int id, int d) => Vocabulary[id] == "nan" ? float.PositiveInfinity : MathF.Sin(id * 7 + d * 3 + 1);

    /// <summary>
    /// A text pack of word embeddings: outputs "tokens" [n, l, d], "latent" [n, d] (their mean by mask), "unmasked" [n, d], "constant" [n,
    /// d], "half" (latent in fp16), "dynamic" and "dynamicTokens" (latent and tokens without declared dimensions).
    /// </summary>
    public static string Text(
        string folder, string name = "tiny-text", int dimension = 4, string tensor = "latent", string pooling = "none",
        bool normalise = false,
        int? claimedDimension = null, Action<JsonObject>? edit = null, int? fixedRows = null, int? fixedLength = null)
    {
        var graph = new OnnxGraph("tiny-text");
        OnnxDimension n = fixedRows is { } rows ? rows : "n", l = fixedLength is { } length ? length : "l", d = dimension;
        var ids = graph.Input("ids", OnnxElement.Int64, n, l);
        var mask = graph.Input("mask", OnnxElement.Float, n, l);
        var words = Vocabulary.Length - 1;
        var table = new float[words * dimension];
        for (var i = 0; i < table.Length; i++) table[i] = Embedding(i / dimension, i % dimension);
        var tokens = graph.Node("Gather", [graph.Initializer("table", table, words, dimension), ids]);
        graph.Output(tokens, "tokens", OnnxElement.Float, n, l, d);
        var masked = graph.Node("Mul", [tokens, graph.Node("Unsqueeze", [mask, graph.Longs(2)])]);
        var count = graph.Node("ReduceSum", [mask, graph.Longs(1)]);
        var latent = graph.Node("Div", [graph.Node("ReduceSum", [masked, graph.Longs(1)], [OnnxAttribute.Int("keepdims", 0)]), count]);
        graph.Output(latent, "latent", OnnxElement.Float, n, d);
        graph.Output(
            graph.Node("ReduceMean", [tokens], [OnnxAttribute.Ints("axes", 1), OnnxAttribute.Int("keepdims", 0)]),
            "unmasked",
            OnnxElement.Float,
            n,
            d);
        graph.Output(
            graph.Node("Add", [graph.Node("Mul", [latent, graph.Scalar(0)]), graph.Scalar(1)]), "constant", OnnxElement.Float, n, d);
        graph.Output(graph.Node("Cast", [latent], [OnnxAttribute.Int("to", (int)OnnxElement.Float16)]), "half", OnnxElement.Float16, n, d);
        // Shapes that depend on values, so that no inference can know them.
        var shape = graph.Node("Shape", [ids]);
        graph.Output(
            graph.Node("Reshape", [tokens, graph.Node("Concat", [shape, graph.Longs(-1)], [OnnxAttribute.Int("axis", 0)])]),
            "dynamicTokens",
            OnnxElement.Float,
            n,
            l,
            "d");
        var first = graph.Node("Slice", [shape, graph.Longs(0), graph.Longs(1)]);
        graph.Output(
            graph.Node("Reshape", [latent, graph.Node("Concat", [first, graph.Longs(-1)], [OnnxAttribute.Int("axis", 0)])]),
            "dynamic",
            OnnxElement.Float,
            n,
            "d");
        graph.Save(Path.Combine(folder, "model.onnx"));
        File.WriteAllLines(Path.Combine(folder, "vocab.txt"), Vocabulary);
        return Write(folder, edit, new JsonObject
        {
            ["name"] = name,
            ["modality"] = "text",
            ["latent"] = new JsonObject
            {
                ["tensor"] = tensor,
                ["dimension"] = claimedDimension ?? dimension,
                ["pooling"] = pooling,
                ["normalise"] = normalise,
            },
            ["text"] = new JsonObject
            {
                ["tokenizer"] = "wordpiece",
                ["tokenizerFile"] = "vocab.txt",
                ["lowercase"] = true,
                ["maxTokens"] = fixedLength ?? 16,
                ["ids"] = "ids",
                ["mask"] = "mask",
                ["maskType"] = "float",
            },
        });
    }

    /// <summary>An image pack whose latent is the mean colour: outputs "latent" [n, 3] and "map" [n, 3, 8, 8]; "root" is NaN where a
    /// channel's mean is below ½.</summary>
    public static string Image(
        string folder,
        string name = "tiny-image",
        string tensor = "latent",
        string pooling = "none",
        int? fixedRows = null,
        Action<JsonObject>? edit = null)
    {
        var graph = new OnnxGraph("tiny-image");
        OnnxDimension n = fixedRows is { } rows ? rows : "n";
        var image = graph.Input("image", OnnxElement.Float, n, 3, 8, 8);
        graph.Output(graph.Node("Identity", [image]), "map", OnnxElement.Float, n, 3, 8, 8);
        var mean = graph.Node("Reshape", [graph.Node("GlobalAveragePool", [image]), graph.Longs(-1, 3)]);
        graph.Output(mean, "latent", OnnxElement.Float, n, 3);
        graph.Output(graph.Node("Sqrt", [graph.Node("Sub", [mean, graph.Scalar(0.5f)])]), "root", OnnxElement.Float, n, 3);
        graph.Save(Path.Combine(folder, "model.onnx"));
        return Write(folder, edit, new JsonObject
        {
            ["name"] = name,
            ["modality"] = "image",
            ["latent"] = new JsonObject { ["tensor"] = tensor, ["dimension"] = 3, ["pooling"] = pooling },
            ["image"] = new JsonObject { ["tensor"] = "image", ["width"] = 8, ["height"] = 8 },
        });
    }

    private static string Write(string folder, Action<JsonObject>? edit, JsonObject definition)
    {
        edit?.Invoke(definition);
        File.WriteAllText(
            Path.Combine(folder, "encoder.json"), definition.ToJsonString(new JsonSerializerOptions { WriteIndented = true }));
        return folder;
    }
}
