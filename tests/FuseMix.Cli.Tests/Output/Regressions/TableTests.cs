using FuseMix.Cli.Output;

namespace FuseMix.Cli.Tests.Output.Regressions;

/// <summary>The kind "words that are wrong or missing", on tables: no word is broken, nothing is cut that has room, and nothing is padded.</summary>
public sealed class TableTests
{
    private const string Fingerprint = "installed, 0123456789abcdef";

    [Fact]
    public void Columns_stand_below_each_other_and_numbers_to_the_right() => Assert.Equal(
        ["name    n", "─────────", "a       1", "größe  22"],
        Lines(new Table("name", ">n").Row("a", "1").Row("größe", "22"), null));

    [Theory]
    [InlineData(70)]
    [InlineData(80)]
    [InlineData(200)]
    public void A_narrow_terminal_breaks_between_words_only(int width)
    {
        var lines = Lines(new Table("encoder", "modality", ">dim.", "state", "licence", "origin").Row("mobilenet-v2-mid", "image", "816", Fingerprint, "MIT", "npm nsfwjs 4.2.1"), width);
        Assert.All(lines, line => Assert.InRange(CellWidth.Of(line), 1, width));
        Assert.Contains(lines, line => line.Contains("0123456789abcdef", StringComparison.Ordinal));
        Assert.Contains(lines, line => line.Contains("mobilenet-v2-mid", StringComparison.Ordinal));
    }

    [Fact]
    public void A_caption_has_what_the_other_columns_leave()
    {
        var caption = string.Join(' ', Enumerable.Repeat("words", 40));
        var table = new Table(">rank", "id", "…caption").Row("1", "1f63a.google", caption);
        Assert.EndsWith("…", Lines(table, 80)[^1], StringComparison.Ordinal);
        Assert.Equal(80, Lines(table, 80)[^1].Length);
        Assert.Equal(150, Lines(table, 150)[^1].Length);
        Assert.Equal(3, Lines(table, 80).Length);
        Assert.EndsWith(caption, Lines(table, null)[^1], StringComparison.Ordinal);
    }

    [Fact]
    public void Where_there_is_no_terminal_no_line_ends_with_spaces() =>
        Assert.All(Lines(new Table("job", "state", "detail").Row("a", "failed", "").Row("long name of it", "running", "loss 3.2"), null), line => Assert.Equal(line.TrimEnd(), line));

    [Fact]
    public void Words_that_have_no_room_at_all_are_whole_nevertheless() =>
        Assert.Contains("0123456789abcdef0123456789abcdef", Lines(new Table("a", "b").Row("0123456789abcdef0123456789abcdef", "x"), 20)[^1], StringComparison.Ordinal);

    private static string[] Lines(Table table, int? width) => [.. table.Lines(width, default)];
}
