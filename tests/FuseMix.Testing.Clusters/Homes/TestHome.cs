using System.Text;
using FuseMix.Contracts.Training;
using FuseMix.Data.Datasets;
using FuseMix.Data.Latents;
using FuseMix.Encoders.Packs;
using FuseMix.Encoders.Sessions;
using FuseMix.Storage;
using FuseMix.Training.Models;

namespace FuseMix.Testing.Clusters;

/// <summary>
/// A home folder with two tiny real encoder packs and a dataset whose pictures have the colours that their captions' words stand for,
/// so that there is something to learn.
/// </summary>
internal sealed class TestHome : IDisposable
{
    public const string Dataset = "boats";
    public const string TextEncoder = "tiny-text";
    public const string ImageEncoder = "tiny-image";

    /// <summary>Groups of one picture and one caption; 16 to train on, 4 to validate, 4 to test.</summary>
    public const int Groups = 24;

    /// <summary>Encoder per modality.</summary>
    public static readonly IReadOnlyDictionary<Modality, string> Encoders =
        new Dictionary<Modality, string> { [Modality.Image] = ImageEncoder, [Modality.Text] = TextEncoder };

    private static readonly string[] Words = ["dog", "cat", "two", "red", "boats", "on", "the", "lake"];

    private static readonly (int R, int G, int B)[] Colours =
        [(250, 20, 30), (20, 240, 40), (30, 20, 230), (240, 230, 20), (220, 30, 220), (30, 220, 210), (130, 120, 20), (90, 20, 140)];

    private readonly TemporaryFolder _folder = new();

    private TestHome() => Home = new FuseMixHome(_folder.Path).EnsureWritable();

    public FuseMixHome Home { get; }

    public EncoderPackStore Packs => new(Home.Encoders);

    public FusionModelStore Models => new(Home);

    public DatasetStore Datasets => new(Home);

    public LatentStore Latents => new(Home);

    /// <summary>Only packs and dataset.</summary>
    public static TestHome Create()
    {
        var home = new TestHome();
        home.Install(folder => TestPacks.Text(folder, TextEncoder));
        home.Install(folder => TestPacks.Image(folder, ImageEncoder));
        home.SaveDataset(home.Items(), home.Pairs());
        return home;
    }

    /// <summary>A copy of everything but the grains' state, which can be changed freely.</summary>
    public static TestHome CopyOf(TestHome original)
    {
        var home = new TestHome();
        var root = original.Home.Root;
        var everything = new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = 0 };
        foreach (var folder in (string[])["encoders", "datasets", "latents", "models", "pictures"])
        {
            foreach (var file in Directory.EnumerateFiles(Path.Combine(root, folder), "*", everything))
            {
                var copy = Path.Combine(home.Home.Root, Path.GetRelativePath(root, file));
                Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
                File.Copy(file, copy);
            }
        }

        return home;
    }

    /// <summary>A training on all that the home has; one of so few steps takes a moment.</summary>
    /// <param name="jobId">Id of the job.</param>
    /// <param name="model">What to call the model.</param>
    /// <param name="seed">Decides every random number.</param>
    /// <param name="steps">Optimiser steps.</param>
    /// <param name="more">Further keys of the recipe, each after a comma.</param>
    public static TrainingRequest Training(string jobId, string model, ulong seed, int steps = 40, string more = "") => new(
        jobId,
        model,
        Dataset,
        new(Encoders),
        $$"""{ "steps": {{steps}}, "batchSize": 8, "depth": 1, "sharedDimension": 8, "dropout": 0.1, "learningRate": 0.01{{more}} }""",
        seed);

    /// <summary>The caption of a group: two of eight words, each combination once.</summary>
    public static string Caption(int group) => $"{Words[Combination(group).First]} {Words[Combination(group).Second]}";

    public static byte[] Picture(int group)
    {
        var (first, second) = Combination(group);
        var ((r1, g1, b1), (r2, g2, b2)) = (Colours[first], Colours[second]);
        var colour = ((byte)((r1 + r2) / 2), (byte)((g1 + g2) / 2), (byte)((b1 + b2) / 2));
        return PngFile.Rgb(8, (_, _) => colour);
    }

    /// <summary>Where the picture of an item lies.</summary>
    public string PicturePath(string id) => Path.Combine(Home.Root, "pictures", $"{id}.png");

    /// <summary>
    /// A picture and a caption per group; in the test split one picture is there twice under two ids, and one has a second caption.
    /// </summary>
    public List<DatasetItem> Items()
    {
        var items = new List<DatasetItem>();
        for (var group = 0; group < Groups; group++)
        {
            items.Add(PictureItem($"img-{group:D2}", group, Picture(group)));
            items.Add(TextItem($"txt-{group:D2}", group, Caption(group)));
        }

        items.Add(PictureItem("img-20-copy", 20, Picture(20)));
        items.Add(TextItem("txt-21-second", 21, $"a {Caption(21)}"));
        return items;
    }

    public List<DatasetPair> Pairs() =>
    [
        .. Enumerable.Range(0, Groups).Select(group => new DatasetPair($"img-{group:D2}", $"txt-{group:D2}")),
        new("img-20-copy", "txt-20"),
        new("img-21", "txt-21-second"),
    ];

    public DatasetItem TextItem(string id, int group, string text) => new()
    {
        Id = id,
        Modality = Modality.Text,
        Group = $"group-{group:D2}",
        Split = SplitOf(group),
        Text = text,
        Size = Encoding.UTF8.GetByteCount(text),
        Sha256 = Fingerprint.Of(text).Hex,
        Metadata = Metadata(group),
    };

    public DatasetItem PictureItem(string id, int group, byte[] content)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(PicturePath(id))!);
        File.WriteAllBytes(PicturePath(id), content);
        return new DatasetItem
        {
            Id = id,
            Modality = Modality.Image,
            Group = $"group-{group:D2}",
            Split = SplitOf(group),
            File = Home.Portable(PicturePath(id)),
            Size = content.Length,
            Sha256 = Fingerprint.Of(content).Hex,
            Metadata = Metadata(group),
        };
    }

    public void SaveDataset(IReadOnlyList<DatasetItem> items, IReadOnlyList<DatasetPair> pairs, string name = Dataset) =>
        Datasets.Save(new Dataset(Home, name, "CC0-1.0", "Colours and words.", items, pairs, [], []));

    /// <summary>The items of the version of a dataset that there is.</summary>
    public string ItemsFile(string dataset = Dataset) => Directory.GetFiles(Path.Combine(Home.Datasets, dataset), "items-*.jsonl").Single();

    public LatentReader OpenLatents(string encoder, string dataset = Dataset) =>
        Latents.OpenRead(dataset, encoder, Packs.Load(encoder).Fingerprint);

    public LatentSetStatus? LatentStatus(string encoder, string dataset = Dataset) =>
        Latents.Status(dataset, encoder, Packs.Load(encoder).Fingerprint);

    public FusionModel Model(string name) => Models.Load(name);

    /// <summary>Installs a pack, in place of any of its name.</summary>
    public EncoderPack Install(Func<string, string> write)
    {
        using var folder = new TemporaryFolder();
        return Packs.Add(write(folder.Path), replace: true);
    }

    /// <summary>Replaces the text encoder by another one of the same dimension.</summary>
    public EncoderPack ReplaceTextEncoder() => Install(folder => TestPacks.Text(folder, TextEncoder, normalise: true));

    /// <summary>The committed shards of a latent set: when each was written, and its content.</summary>
    public Dictionary<string, (DateTime Written, string Content)> LatentFiles(string encoder, string dataset = Dataset) =>
        Directory.EnumerateFiles(Path.Combine(Home.Latents, dataset, encoder), "shard-*.json", SearchOption.AllDirectories)
            .ToDictionary(
                path => Path.GetFileNameWithoutExtension(path)!,
                path => (File.GetLastWriteTimeUtc(path), Fingerprint.Of(File.ReadAllBytes(path)).Hex));

    /// <summary>What an encoder makes of an input, without grains.</summary>
    public float[] Encode(string encoder, EncoderInput input)
    {
        using var session = EncoderSession.Open(Packs.Load(encoder), new EncoderSessionOptions { Threads = 1 });
        return session.EncodeBatch([input])[0].ToArray();
    }

    /// <summary>The embedding of every item of a modality that has a latent, without grains.</summary>
    public Dictionary<string, float[]> Embeddings(string modelName, Modality modality, string dataset = Dataset)
    {
        var model = Model(modelName);
        using var latents = OpenLatents(model.Encoders()[modality], dataset);
        var all = model.Embed(modality, latents);
        return latents.Ids.Select((id, row) => (id, row))
            .ToDictionary(item => item.id, item => all.AsSpan(item.row * model.SharedDimension, model.SharedDimension).ToArray());
    }

    public void Dispose() => _folder.Dispose();

    private static (int First, int Second) Combination(int group)
    {
        var all =
            from first in Enumerable.Range(0, Words.Length)
            from second in Enumerable.Range(first + 1, Words.Length - first - 1)
            select (first, second);

        // 5 and 28 have no common divisor: neighbours differ in both words, and every split sees every word.
        return all.ElementAt(group * 5 % 28);
    }

    private static Split SplitOf(int group) => group < 16 ? Split.Train : group < 20 ? Split.Validation : Split.Test;

    private static Dictionary<string, string> Metadata(int group) => new()
    {
        ["flag"] = group % 4 == 3 ? "true" : "false",
        ["kind"] = Caption(group).Split(' ').Intersect(["dog", "cat"]).Any() ? "animal" : "thing",
    };
}
