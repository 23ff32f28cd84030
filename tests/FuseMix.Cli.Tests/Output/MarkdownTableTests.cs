using FuseMix.Cli.Output;

namespace FuseMix.Cli.Tests.Output;

public sealed class MarkdownTableTests
{
    [Fact]
    public void Columns_are_aligned_and_numbers_stand_right() => Assert.Equal(
        """
        | method  |  R@1 |
        | ------- | ---: |
        | FuseMix | 19.2 |
        | CCA     |    9 |

        """,
        MarkdownTable.Write(["method", "R@1"], [["FuseMix", "19.2"], ["CCA", "9"]]));

    [Fact]
    public void A_bar_or_a_line_break_in_a_cell_does_not_break_the_table()
    {
        var table = MarkdownTable.Write(["a"], [["x|y\nz"]]);
        Assert.Contains("x\\|y z", table, StringComparison.Ordinal);
        Assert.Equal(3, table.TrimEnd('\n').Split('\n').Length);
    }

    [Fact]
    public void Wide_characters_count_twice()
    {
        var lines = MarkdownTable.Write(["k", "v"], [["日本", "1"], ["abcde", "2"]]).TrimEnd('\n').Split('\n');
        Assert.Single(lines.Select(CellWidth.Of).Distinct());
    }

    [Fact]
    public void A_row_of_another_length_is_refused() =>
        Assert.Throws<ArgumentException>(() => MarkdownTable.Write(["a", "b"], [["only one"]]));
}
