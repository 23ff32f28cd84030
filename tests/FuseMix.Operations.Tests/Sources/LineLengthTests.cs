namespace FuseMix.Operations.Tests.Sources;

/// <summary>Lines are wrapped at the 140 columns of <c>.editorconfig</c>; where breaking one would make it worse, it may go a little beyond.</summary>
public sealed class LineLengthTests
{
    private const int Most = 160;

    [Theory]
    [InlineData("src")]
    [InlineData("benchmarks")]
    public void No_line_of_code_goes_beyond_what_fits_on_a_screen(string folder)
    {
        var sources = Directory.EnumerateFiles(Checkout.PathOf(folder), "*.cs", SearchOption.AllDirectories).ToArray();
        Assert.NotEmpty(sources);
        var wide = sources.SelectMany(
            source => File.ReadLines(source)
                .Select((line, number) => (Line: line, Place: $"{Path.GetRelativePath(Checkout.PathOf("."), source)}:{number + 1}"))
                .Where(at => at.Line.Length > Most && !at.Line.Contains("\"\"\"", StringComparison.Ordinal))
                .Select(at => at.Place));
        Assert.Empty(wide);
    }
}
