using System.Diagnostics;
using FuseMix.Encoders.Packs;
using FuseMix.Testing;
using FuseMix.Testing.Clusters;

namespace FuseMix.Encoders.Tests.Packs;

public class EncoderPackTests
{
    [Fact]
    public void The_fingerprint_does_not_depend_on_the_folder()
    {
        using var folder = new TemporaryFolder();
        Assert.Equal(
            EncoderPack.Load(TestPacks.Text(folder["a"])).Fingerprint, EncoderPack.Load(TestPacks.Text(folder["deep/er/b"])).Fingerprint);
    }

    [Theory]
    [InlineData("encoder.json", " ")]
    [InlineData("model.onnx", "x")]
    [InlineData("vocab.txt", "more\n")]
    [InlineData("LICENCE", "MIT")]
    public void Any_byte_of_any_file_changes_the_fingerprint(string file, string more)
    {
        using var folder = new TemporaryFolder();
        var before = EncoderPack.Load(TestPacks.Text(folder["a"])).Fingerprint;
        File.AppendAllText(folder[$"a/{file}"], more);
        Assert.NotEqual(before, EncoderPack.Load(folder["a"]).Fingerprint);
    }

    [Fact]
    public void Hidden_files_do_not_belong_to_a_pack()
    {
        using var folder = new TemporaryFolder();
        var before = EncoderPack.Load(TestPacks.Text(folder["a"]));
        File.WriteAllText(folder["a/.DS_Store"], "x");
        var after = EncoderPack.Load(folder["a"]);
        Assert.Equal((before.Fingerprint, before.Bytes), (after.Fingerprint, after.Bytes));
    }

    [Fact]
    public void The_fingerprint_is_what_sha256sum_gives()
    {
        using var folder = new TemporaryFolder();
        var pack = EncoderPack.Load(TestPacks.Text(folder["a"]));
        var start = new ProcessStartInfo("sh") { RedirectStandardOutput = true, WorkingDirectory = pack.Folder };
        start.ArgumentList.Add("-c");
        start.ArgumentList.Add("LC_ALL=C sha256sum * | sha256sum");
        using var shell = Process.Start(start)!;
        Assert.StartsWith(pack.Fingerprint.Hex, shell.StandardOutput.ReadToEnd());
    }

    [Theory]
    [InlineData("model.onnx", "model.onnx")]
    [InlineData("vocab.txt", "vocab.txt")]
    public void A_file_that_is_named_but_missing_is_refused_by_name(string file, string named)
    {
        using var folder = new TemporaryFolder();
        File.Delete(Path.Combine(TestPacks.Text(folder["a"]), file));
        var refused = Assert.Throws<FuseMixException>(() => EncoderPack.Load(folder["a"]));
        Assert.Equal(FailureKind.Invalid, refused.Kind);
        Assert.Contains(named, refused.Message);
    }

    [Fact]
    public void A_misspelt_file_is_refused_with_the_nearest_one()
    {
        using var folder = new TemporaryFolder();
        File.Move(Path.Combine(TestPacks.Text(folder["a"]), "vocab.txt"), folder["a/vocabs.txt"]);
        Assert.Contains("'vocabs.txt'", Assert.Throws<FuseMixException>(() => EncoderPack.Load(folder["a"])).Remedy);
    }

    [Fact]
    public void A_folder_without_a_definition_is_no_pack()
    {
        using var folder = new TemporaryFolder();
        Assert.Equal(FailureKind.NotFound, Assert.Throws<FuseMixException>(() => EncoderPack.Load(folder.Path)).Kind);
        Assert.Equal(FailureKind.NotFound, Assert.Throws<FuseMixException>(() => EncoderPack.Load(folder["missing"])).Kind);
    }
}
