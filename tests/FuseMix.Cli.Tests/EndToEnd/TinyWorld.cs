using FuseMix.Onnx;
using FuseMix.Testing;

namespace FuseMix.Cli.Tests.EndToEnd;

/// <summary>
/// A world in which everything can be learned in a second: pictures of four coloured fields whose pattern is one of a few things,
/// captions that name the thing, an image encoder that sees the mean colour of each field and a text encoder that knows the words.
/// </summary>
internal sealed class TinyWorld : IDisposable
{
    public const string ImageEncoder = "fields";
    public const string TextEncoder = "words";

    private const int Side = 8;
    private const int Repeats = 12;
    private const int WordDimension = 8;
    private static readonly string[] Things = ["boat", "cat", "dog", "lake", "house", "tree", "moon", "train"];
    private static readonly string[] Vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", .. Things];
    private readonly TemporaryFolder _folder = new();

    public TinyWorld()
    {
        var random = new Random(7);
        foreach (var (thing, i) in Things.Select((t, i) => (t, i)))
        {
            var pattern = new byte[12];
            random.NextBytes(pattern);
            for (var n = 0; n < Repeats; n++)
            {
                var fields = pattern.Select(v => (byte)Math.Clamp(v + random.Next(-12, 13), 0, 255)).ToArray();
                File.WriteAllBytes(Path.Combine(Folder("pictures"), $"{thing}-{n:00}.png"), Png(fields));
                File.WriteAllText(Path.Combine(Folder("pictures"), $"{thing}-{n:00}.txt"), $"{thing}\n");
            }
        }

        WriteImagePack(Folder("image-pack"));
        WriteTextPack(Folder("text-pack"));
    }

    public string Home => Folder("home");

    public string Pictures => Folder("pictures");

    public string ImagePack => Folder("image-pack");

    public string TextPack => Folder("text-pack");

    public string this[string name] => _folder[name];

    public void Dispose() => _folder.Dispose();

    private string Folder(string name) => Directory.CreateDirectory(_folder[name]).FullName;

    private static void WriteImagePack(string folder)
    {
        var graph = new OnnxGraph(ImageEncoder);
        OnnxDimension n = "n";
        var image = graph.Input("image", OnnxElement.Float, n, 3, Side, Side);
        var fields = graph.Node(
            "AveragePool",
            [image],
            [OnnxAttribute.Ints("kernel_shape", Side / 2, Side / 2), OnnxAttribute.Ints("strides", Side / 2, Side / 2)]);
        graph.Output(graph.Node("Reshape", [fields, graph.Longs(-1, 12)]), "latent", OnnxElement.Float, n, 12);
        graph.Save(Path.Combine(folder, "model.onnx"));
        File.WriteAllText(Path.Combine(folder, "encoder.json"), $$"""
            {
              "name": "{{ImageEncoder}}", "modality": "image", "licence": "MIT", "origin": "a test",
              "latent": { "tensor": "latent", "dimension": 12 },
              "image": { "tensor": "image", "width": {{Side}}, "height": {{Side}} }
            }
            """);
    }

    private static void WriteTextPack(string folder)
    {
        var graph = new OnnxGraph(TextEncoder);
        OnnxDimension n = "n", l = "l";
        var ids = graph.Input("ids", OnnxElement.Int64, n, l);
        var mask = graph.Input("mask", OnnxElement.Float, n, l);
        var table = new float[Vocabulary.Length * WordDimension];
        for (var i = 0; i < table.Length; i++) table[i] = MathF.Sin((i * 7) + 1);
        var tokens = graph.Node("Gather", [graph.Initializer("table", table, Vocabulary.Length, WordDimension), ids]);
        var masked = graph.Node("Mul", [tokens, graph.Node("Unsqueeze", [mask, graph.Longs(2)])]);
        var sum = graph.Node("ReduceSum", [masked, graph.Longs(1)], [OnnxAttribute.Int("keepdims", 0)]);
        var count = graph.Node("ReduceSum", [mask, graph.Longs(1)]);
        graph.Output(graph.Node("Div", [sum, count]), "latent", OnnxElement.Float, n, WordDimension);
        graph.Save(Path.Combine(folder, "model.onnx"));
        File.WriteAllLines(Path.Combine(folder, "vocab.txt"), Vocabulary);
        File.WriteAllText(Path.Combine(folder, "encoder.json"), $$"""
            {
              "name": "{{TextEncoder}}", "modality": "text", "licence": "MIT", "origin": "a test",
              "latent": { "tensor": "latent", "dimension": {{WordDimension}} },
              "text": {
                "tokenizer": "wordpiece", "tokenizerFile": "vocab.txt", "lowercase": true, "maxTokens": 16,
                "ids": "ids", "mask": "mask", "maskType": "float"
              }
            }
            """);
    }

    /// <summary>A picture of four fields, each of one colour.</summary>
    private static byte[] Png(byte[] fields) => PngFile.Rgb(Side, (x, y) =>
    {
        var field = 3 * ((y / (Side / 2) * 2) + (x / (Side / 2)));
        return (fields[field], fields[field + 1], fields[field + 2]);
    });
}
