using System.Text;
using FuseMix.Encoders.Import.TensorFlowJs;
using FuseMix.Testing;

namespace FuseMix.Encoders.Import.Tests.TensorFlowJs;

public sealed class ModelFilesTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_model_of_scripts_is_read()
    {
        File.WriteAllText(
            _folder["model.min.js"],
            "x.exports={weightsManifest:[{paths:[\"s1\",\"s2\"],weights:[{name:\"w\",shape:[1],dtype:\"float32\"}]}]}");
        File.WriteAllText(_folder["s1.min.js"], "a.exports=t();b.exports=\"AAA=\"},{}]");
        File.WriteAllText(_folder["s2.min.js"], "e.exports=\"gD8=\"");

        Assert.Equal([1f], ModelFiles.Open(_folder.Path).ReadWeights()["w"].Values);
    }

    [Theory]
    [InlineData("../s1")]
    [InlineData("/etc/passwd")]
    [InlineData("a/b")]
    [InlineData("")]
    [InlineData(".hidden")]
    public void A_shard_outside_the_package_is_refused(string shard)
    {
        File.WriteAllText(_folder["model.json"], $$"""{"weightsManifest":[{"paths":["{{shard}}"],"weights":[]}]}""");

        Assert.Contains(
            "not a plain file name", Assert.Throws<FuseMixException>(() => ModelFiles.Open(_folder.Path).ReadWeights()).Message);
    }

    [Fact]
    public void What_is_missing_is_named()
    {
        Assert.Contains("model.min.js", Assert.Throws<FuseMixException>(() => ModelFiles.Open(_folder.Path)).Message);
        File.WriteAllText(_folder["model.json"], """{"weightsManifest":[{"paths":["s1"],"weights":[]}]}""");
        var e = Assert.Throws<FuseMixException>(() => ModelFiles.Open(_folder.Path).ReadWeights());
        Assert.Equal(FailureKind.NotFound, e.Kind);
        Assert.Contains("s1", e.Message);
        File.WriteAllText(_folder["model.json"], "{");
        Assert.Equal(FailureKind.Corrupt, Assert.Throws<FuseMixException>(() => ModelFiles.Open(_folder.Path)).Kind);
    }

    [Theory]
    [InlineData("")]
    [InlineData("exports=\"AAAA")]
    [InlineData("exports=\"A\"")]
    [InlineData("exports=\"AA!=\"")]
    [InlineData("exports='AAAA'")]
    public void A_shard_without_base64_is_named(string script) =>
        Assert.Contains(
            "shard.min.js",
            Assert.Throws<FuseMixException>(() => ModelFiles.DecodeScript(Encoding.UTF8.GetBytes(script), "shard.min.js")).Message);
}
