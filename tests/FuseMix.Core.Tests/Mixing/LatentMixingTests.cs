using FuseMix.Core.Mixing;
using FuseMix.Core.Randomness;

namespace FuseMix.Core.Tests.Mixing;

public sealed class LatentMixingTests
{
    private static float[] Values(int count, ulong seed)
    {
        var random = new RandomStream(seed, 1);
        return [.. Enumerable.Range(0, count).Select(_ => (float)random.NextNormal())];
    }

    [Theory]
    [InlineData(1)]
    [InlineData(15)]
    [InlineData(16)]
    [InlineData(33)]
    [InlineData(257)]
    public void Mixing_is_the_weighted_sum_in_every_lane_and_tail(int count)
    {
        var (a, b, mixed) = (Values(count, 1), Values(count, 2), new float[count]);
        LatentMixing.Interpolate(a, b, 0.3, mixed);
        for (var i = 0; i < count; i++) Assert.Equal((a[i] * 0.3f) + (b[i] * 0.7f), mixed[i], 1e-6f);
    }

    [Fact]
    public void Lambda_1_keeps_the_first_and_lambda_0_the_second()
    {
        var (a, b, mixed) = (Values(40, 1), Values(40, 2), new float[40]);
        LatentMixing.Interpolate(a, b, 1, mixed);
        Assert.Equal(a, mixed);
        LatentMixing.Interpolate(a, b, 0, mixed);
        Assert.Equal(b, mixed);
    }

    [Fact]
    public void Mixing_with_lambda_is_mixing_the_other_way_round_with_the_rest()
    {
        var (a, b, one, other) = (Values(40, 1), Values(40, 2), new float[40], new float[40]);
        LatentMixing.Interpolate(a, b, 0.25, one);
        LatentMixing.Interpolate(b, a, 0.75, other);
        Assert.Equal(one, other);
    }

    [Fact]
    public void Mixing_may_overwrite_its_first_operand()
    {
        var (a, b) = (Values(40, 1), Values(40, 2));
        var mixed = new float[40];
        LatentMixing.Interpolate(a, b, 0.4, mixed);
        LatentMixing.Interpolate(a, b, 0.4, a);
        Assert.Equal(mixed, a);
    }

    [Fact]
    public void Lengths_that_differ_are_refused() =>
        Assert.Throws<ArgumentException>(() => LatentMixing.Interpolate(new float[4], new float[5], 0.5, new float[4]));

    [Fact]
    public void Noise_has_its_deviation_and_does_not_depend_on_how_a_batch_is_cut()
    {
        var whole = new float[20_000];
        LatentMixing.AddGaussianNoise(whole, 0.01, 5, 6, 0);
        Assert.InRange(Math.Sqrt(whole.Average(v => (double)v * v)), 0.0098, 0.0102);
        var parts = new float[20_000];
        LatentMixing.AddGaussianNoise(parts.AsSpan(7_000), 0.01, 5, 6, 7_000);
        LatentMixing.AddGaussianNoise(parts.AsSpan(0, 7_000), 0.01, 5, 6, 0);
        Assert.Equal(whole, parts);
    }

    [Fact]
    public void Quantization_leaves_at_most_as_many_values_as_bins_within_the_range_of_the_batch()
    {
        const int Rows = 200, Dimension = 6;
        var before = Values(Rows * Dimension, 3);
        var after = (float[])before.Clone();
        LatentMixing.Quantize(after, Dimension, 0, Dimension, 16, 1, 2);
        for (var j = 0; j < Dimension; j++)
        {
            var old = Enumerable.Range(0, Rows).Select(r => before[(r * Dimension) + j]).ToArray();
            var now = Enumerable.Range(0, Rows).Select(r => after[(r * Dimension) + j]).ToArray();
            Assert.InRange(now.Distinct().Count(), 2, 16);
            Assert.All(now, v => Assert.InRange(v, old.Min(), old.Max()));

            // A larger value never lands in a lower bin.
            var order = Enumerable.Range(0, Rows).OrderBy(r => old[r]).Select(r => now[r]).ToArray();
            Assert.Equal(order.Order(), order);
        }
    }

    [Fact]
    public void Features_are_quantized_alike_whether_together_or_apart()
    {
        var together = Values(60, 4);
        var apart = (float[])together.Clone();
        LatentMixing.Quantize(together, 6, 0, 6, 4, 1, 2);
        LatentMixing.Quantize(apart, 6, 3, 6, 4, 1, 2);
        LatentMixing.Quantize(apart, 6, 0, 3, 4, 1, 2);
        Assert.Equal(together, apart);
    }

    [Fact]
    public void A_feature_that_never_changes_stays_as_it_is()
    {
        var rows = new float[] { 2, 1, 2, 5, 2, 3 };
        LatentMixing.Quantize(rows, 2, 0, 2, 4, 1, 2);
        Assert.All(new[] { 0, 2, 4 }, i => Assert.Equal(2, rows[i]));
    }
}
