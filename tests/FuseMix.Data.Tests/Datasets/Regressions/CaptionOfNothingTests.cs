using FuseMix.Data.Datasets;
using FuseMix.Storage;
using FuseMix.Testing;

namespace FuseMix.Data.Tests.Datasets.Regressions;

/// <summary>A caption of nothing was imported, and found by searches for anything.</summary>
public sealed class CaptionOfNothingTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("\\u200B")]
    [InlineData("\\uFEFF \\u0000")]
    [InlineData("")]
    public void A_caption_without_anything_to_encode_is_left_out_and_told(string caption)
    {
        var table = Path.Combine(_folder.Path, "t.jsonl");
        File.WriteAllText(table, $$"""{"text":"a dog"}{{'\n'}}{"text":"{{caption}}"}""");
        var dataset = TableImporter.ImportJsonLines(new FuseMixHome(_folder["home"]), table, new ImportSettings("d"));
        Assert.Equal(["a dog"], dataset.Items.Select(item => item.Text));
        Assert.Equal("the caption is empty", Assert.Single(dataset.Failures).Reason);
    }
}
