using FuseMix.Core.Randomness;

namespace FuseMix.Core.Tests.Randomness;

public sealed class PhiloxTests
{
    /// <summary>The known answers published with the generator (Random123, kat_vectors, philox4x32 with 10 rounds).</summary>
    [Theory]
    [InlineData(0x0000000000000000UL, 0x0000000000000000UL, 0x0000000000000000UL, 0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u)]
    [InlineData(0xffffffffffffffffUL, 0xffffffffffffffffUL, 0xffffffffffffffffUL, 0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu)]
    [InlineData(0x299f31d0a4093822UL, 0x0370734413198a2eUL, 0x85a308d3243f6a88UL, 0xd16cfe09u, 0x94fdccebu, 0x5001e420u, 0x24126ea1u)]
    public void Blocks_are_the_published_ones(ulong seed, ulong stream, ulong counter, uint w0, uint w1, uint w2, uint w3) =>
        Assert.Equal((w0, w1, w2, w3), Philox.Block(seed, stream, counter));

    [Fact]
    public void A_stream_begun_at_a_block_gives_what_an_unbroken_one_gives_there()
    {
        var whole = new RandomStream(7, 9);
        for (var i = 0; i < 12; i++) whole.NextUInt32();
        var part = new RandomStream(7, 9, counter: 3);
        for (var i = 0; i < 9; i++) Assert.Equal(whole.NextUInt32(), part.NextUInt32());
    }

    [Fact]
    public void Every_part_of_a_stream_id_makes_another_stream()
    {
        ulong[] ids =
        [
            RandomStream.Id(1, 0, 0), RandomStream.Id(2, 0, 0), RandomStream.Id(1, 1, 0), RandomStream.Id(1, 0, 1),
            RandomStream.Id(1, 65535, (1L << 40) - 1),
        ];
        Assert.Equal(ids.Length, ids.Select(id => new RandomStream(1, id).NextUInt32()).Distinct().Count());
    }

    [Fact]
    public void A_stream_id_out_of_its_range_is_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => RandomStream.Id(1, 65536, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => RandomStream.Id(1, 0, 1L << 40));
        Assert.Throws<ArgumentOutOfRangeException>(() => RandomStream.Id(1, -1, 0));
    }

    [Fact]
    public void Uniform_numbers_fill_0_to_1_evenly()
    {
        var random = new RandomStream(1, 1);
        var values = Enumerable.Range(0, 100_000).Select(_ => random.NextDouble()).ToArray();
        Assert.All(values, v => Assert.InRange(v, 0, 1 - 1e-16));
        for (var tenth = 0; tenth < 10; tenth++)
        {
            Assert.InRange(values.Count(v => (int)(v * 10) == tenth), 9_600, 10_400);
        }
    }

    [Fact]
    public void Normal_numbers_have_the_moments_of_a_normal()
    {
        var random = new RandomStream(2, 1);
        var values = Enumerable.Range(0, 100_000).Select(_ => random.NextNormal()).ToArray();
        Assert.InRange(values.Average(), -0.02, 0.02);
        Assert.InRange(values.Average(v => v * v), 0.98, 1.02);
        Assert.InRange(values.Average(v => v * v * v * v), 2.85, 3.15);
    }

    [Theory]
    [InlineData(0.1)]
    [InlineData(0.4)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(8)]
    public void Beta_has_mean_a_half_and_its_variance(double alpha)
    {
        var random = new RandomStream(3, 1);
        var values = Enumerable.Range(0, 60_000).Select(_ => random.NextBeta(alpha)).ToArray();
        Assert.All(values, v => Assert.InRange(v, 0, 1));
        Assert.InRange(values.Average(), 0.49, 0.51);
        var variance = 1 / (4 * ((2 * alpha) + 1));
        Assert.InRange(values.Average(v => (v - 0.5) * (v - 0.5)), variance * 0.97, variance * 1.03);
    }

    [Fact]
    public void A_tiny_alpha_still_gives_numbers()
    {
        var random = new RandomStream(4, 1);
        for (var i = 0; i < 1000; i++) Assert.InRange(random.NextBeta(1e-3), 0, 1);
    }

    [Theory]
    [InlineData(0.5)]
    [InlineData(3.5)]
    public void Gamma_has_its_mean_and_variance(double shape)
    {
        var random = new RandomStream(5, 1);
        var values = Enumerable.Range(0, 60_000).Select(_ => random.NextGamma(shape)).ToArray();
        Assert.InRange(values.Average(), shape * 0.98, shape * 1.02);
        Assert.InRange(values.Average(v => (v - shape) * (v - shape)), shape * 0.95, shape * 1.05);
    }

    [Fact]
    public void Whole_numbers_below_a_bound_are_even_and_stay_below_it()
    {
        var random = new RandomStream(6, 1);
        var counts = new int[7];
        for (var i = 0; i < 70_000; i++) counts[random.NextInt(7)]++;
        Assert.All(counts, c => Assert.InRange(c, 9_600, 10_400));
    }

    [Fact]
    public void A_shuffle_is_a_permutation_and_every_one_is_as_likely()
    {
        var counts = new Dictionary<string, int>();
        for (var i = 0; i < 24_000; i++)
        {
            int[] values = [0, 1, 2, 3];
            new RandomStream(7, (ulong)i).Shuffle<int>(values);
            Assert.Equal([0, 1, 2, 3], values.Order());
            var key = string.Join(",", values);
            counts[key] = counts.GetValueOrDefault(key) + 1;
        }

        Assert.Equal(24, counts.Count);
        Assert.All(counts.Values, c => Assert.InRange(c, 850, 1150));
    }
}
