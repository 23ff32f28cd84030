using FuseMix.Cli.Output;

namespace FuseMix.Cli.Tests.Output;

public sealed class SparklineTests
{
    [Fact]
    public void The_lowest_value_is_the_lowest_block_and_the_highest_the_highest() =>
        Assert.Equal("▁▂▃▄▅▆▇█", Sparkline.Draw([0, 1, 2, 3, 4, 5, 6, 7], 8));

    [Fact]
    public void A_falling_loss_falls() => Assert.Equal("█▅▁", Sparkline.Draw([6, 4, 2], 20));

    [Fact]
    public void More_values_than_columns_are_averaged() => Assert.Equal("▁█", Sparkline.Draw([0, 2, 9, 11], 2));

    [Fact]
    public void A_level_curve_stays_at_the_bottom() => Assert.Equal("▁▁▁", Sparkline.Draw([5, 5, 5], 3));

    [Fact]
    public void Values_that_are_not_finite_are_left_out() =>
        Assert.Equal("▁█", Sparkline.Draw([double.NaN, 1, double.PositiveInfinity, 2], 5));

    [Fact]
    public void Nothing_to_draw_is_nothing()
    {
        Assert.Equal("", Sparkline.Draw([], 10));
        Assert.Equal("", Sparkline.Draw([double.NaN], 10));
        Assert.Equal("", Sparkline.Draw([1, 2], 0));
    }

    [Fact]
    public void Any_number_of_values_fits_its_columns()
    {
        for (var n = 1; n < 200; n++)
            Assert.Equal(Math.Min(n, 17), Sparkline.Draw([.. Enumerable.Range(0, n).Select(i => Math.Sin(i))], 17).Length);
    }
}
