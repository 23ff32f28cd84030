using FuseMix.Cli.Output;

namespace FuseMix.Cli.Tests.Output;

public sealed class CurvePlotTests
{
    [Fact]
    public void A_falling_loss_falls_from_the_upper_left_to_the_lower_right()
    {
        var lines = CurvePlot.Draw([(0, 4), (400, 1)], 400, "400 steps", 40, 3);
        Assert.Equal(["4.00 ┤", "     │", "1.00 ┤", "     └"], lines.Select(line => line[..6]));
        Assert.EndsWith("─ 400 steps", lines[3], StringComparison.Ordinal);
        Assert.NotEqual('\u2800', lines[0][6]);
        Assert.Equal('\u2800', lines[2][6]);
        Assert.NotEqual('\u2800', lines[2][^1]);
        Assert.Equal('\u2800', lines[0][^1]);
        Assert.All(lines, line => Assert.Equal(40, CellWidth.Of(line)));
    }

    [Fact]
    public void No_column_between_the_first_point_and_the_last_is_empty()
    {
        var lines = CurvePlot.Draw([(0, 4), (100, 0), (150, 3), (200, 1)], 400, "400 steps", 80, 6);
        var columns = Enumerable.Range(6, 74).Select(column => lines.Take(6).Any(line => line[column] != '\u2800')).ToArray();
        Assert.All(columns[..37], Assert.True);
        Assert.All(columns[38..], Assert.False);
    }

    [Fact]
    public void What_falls_into_one_column_is_averaged()
    {
        var noisy = Enumerable.Range(0, 10_000).Select(i => ((double)i, i % 2 == 0 ? 1.0 : 3.0)).Append((10_000, 5.0)).ToArray();
        var lines = CurvePlot.Draw(noisy, 10_000, "10,000 steps", 80, 4);

        // 1 and 3 alternate, so the curve stays in the middle and the dots of 1, the lowest, are never set.
        Assert.All(lines[3][6..^2], dot => Assert.Equal('\u2800', dot));
    }

    [Fact]
    public void A_level_curve_lies_on_the_axis()
    {
        var lines = CurvePlot.Draw([(0, 2), (10, 2)], 10, "10 steps", 40, 2);
        Assert.All(lines[0][6..], dot => Assert.Equal('\u2800', dot));
        Assert.All(lines[1][6..], dot => Assert.Equal('⣀', dot));
    }

    [Fact]
    public void Too_few_points_are_no_curve()
    {
        Assert.Empty(CurvePlot.Draw([], 10, "", 80, 4));
        Assert.Empty(CurvePlot.Draw([(1, 2)], 10, "", 80, 4));
        Assert.Empty(CurvePlot.Draw([(1, 2), (2, double.NaN)], 10, "", 80, 4));
        Assert.Empty(CurvePlot.Draw([(1, 2), (2, 3)], 0, "", 80, 4));
    }
}
