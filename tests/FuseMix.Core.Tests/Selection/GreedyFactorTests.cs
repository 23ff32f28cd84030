using FuseMix.Core.Randomness;
using FuseMix.Core.Selection;

namespace FuseMix.Core.Tests.Selection;

public sealed class GreedyFactorTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(15)]
    [InlineData(16)]
    [InlineData(37)]
    [InlineData(4999)]
    public void The_product_is_the_scalar_one(int length)
    {
        var random = new RandomStream(1, (ulong)length);
        var (a, b) = (new float[length], new float[length]);
        for (var i = 0; i < length; i++) (a[i], b[i]) = ((float)random.NextNormal(), (float)random.NextNormal());
        var expected = 0.0;
        for (var i = 0; i < length; i++) expected += (double)a[i] * b[i];
        Assert.Equal(expected, GreedyFactor.Product(a, b), 1e-10);
    }

    [Fact]
    public void A_gain_that_came_late_has_the_bits_of_one_that_was_always_current()
    {
        const int Dimension = 7;
        var random = new RandomStream(3, 1);
        var rows = new float[20 * Dimension];
        foreach (ref var value in rows.AsSpan()) value = (float)random.NextNormal() / 3;
        var (always, late) = (new GreedyFactor(rows, Dimension, 6), new GreedyFactor(rows, Dimension, 6));
        for (var row = 0; row < 6; row++)
        {
            always.Choose(row);
            late.Advance(row, double.NegativeInfinity);
            late.Choose(row);
            for (var other = row + 1; other < 20; other++) always.Advance(other, double.NegativeInfinity);
        }

        for (var row = 6; row < 20; row++)
        {
            var before = late.Gain(row);
            Assert.False(late.IsCurrent(row));
            late.Advance(row, double.NegativeInfinity);
            Assert.True(late.IsCurrent(row));
            Assert.True(late.Gain(row) < before);
            Assert.Equal(always.Gain(row), late.Gain(row));
        }
    }

    [Fact]
    public void A_row_stops_where_it_falls_below_the_floor()
    {
        float[] rows = [1, 0, 0, 1, 0.8f, 0.6f];
        var factor = new GreedyFactor(rows, 2, 3);
        factor.Choose(0);
        factor.Advance(1, 0);
        factor.Choose(1);
        factor.Advance(2, 3.5);
        Assert.False(factor.IsCurrent(2));

        // 4 - ((1.8)² / 2)², what the first row leaves of the third.
        Assert.Equal(4 - (1.62 * 1.62), factor.Gain(2), 1e-5);
    }
}
