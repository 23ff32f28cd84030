using FuseMix.Core.Mixing;

namespace FuseMix.Training.Tests;

public sealed class BatchSamplerTests
{
    [Theory]
    [InlineData(null, 10, 10)]
    [InlineData(MixingVariant.Halves, 10, 5)]
    [InlineData(MixingVariant.TwoBatches, 10, 10)]
    [InlineData(MixingVariant.Permutation, 10, 10)]
    public void An_epoch_sees_every_pair_once(MixingVariant? variant, int batch, int stepsPerEpoch)
    {
        var sampler = new BatchSampler(1, 0, 100, batch, variant, 1);
        Assert.Equal((batch, stepsPerEpoch), (sampler.Batch, sampler.StepsPerEpoch));
        for (var epoch = 0; epoch < 2; epoch++)
        {
            var (firsts, seconds) = (new List<int>(), new List<int>());
            for (var s = 0; s < stepsPerEpoch; s++)
            {
                var (first, second, _) = Batch(sampler, (epoch * stepsPerEpoch) + s);
                firsts.AddRange(first);
                seconds.AddRange(second);
                if (variant == MixingVariant.Permutation) Assert.Equal(first.Order(), second.Order());
            }

            var seen = variant == MixingVariant.Halves ? firsts.Concat(seconds) : firsts;
            Assert.Equal(Enumerable.Range(0, 100), seen.Order());
            if (variant == MixingVariant.TwoBatches) Assert.Equal(Enumerable.Range(0, 100), seconds.Order());
        }
    }

    [Fact]
    public void A_step_may_have_an_alpha_of_its_own()
    {
        var (one, other) =
            (new BatchSampler(1, 0, 90, 8, MixingVariant.Halves, 1), new BatchSampler(1, 0, 90, 8, MixingVariant.Halves, 0.2));
        Assert.Equal(Batch(other, 3).Lambda, one.Fill(3, new int[8], new int[8], 0.2));
    }

    [Fact]
    public void A_step_is_the_same_whatever_steps_were_asked_before()
    {
        var one = new BatchSampler(1, 0, 90, 8, MixingVariant.Permutation, 0.4);
        var expected = Enumerable.Range(0, 40).Select(s => Batch(one, s)).ToArray();
        var other = new BatchSampler(1, 0, 90, 8, MixingVariant.Permutation, 0.4);
        foreach (var s in new[] { 39, 3, 17, 0, 22 })
        {
            var (first, second, lambda) = Batch(other, s);
            Assert.Equal(expected[s].First, first);
            Assert.Equal(expected[s].Second, second);
            Assert.Equal(expected[s].Lambda, lambda);
        }
    }

    [Fact]
    public void Epochs_steps_seeds_and_lists_differ()
    {
        var sampler = new BatchSampler(1, 0, 90, 8, MixingVariant.Halves, 1);
        var basis = Batch(sampler, 0);
        foreach (var other in new[] { Batch(sampler, 1), Batch(sampler, 5), Batch(new BatchSampler(2, 0, 90, 8, MixingVariant.Halves, 1), 0), Batch(new BatchSampler(1, 1, 90, 8, MixingVariant.Halves, 1), 0) })
        {
            Assert.NotEqual(basis.First, other.First);
            Assert.NotEqual(basis.Lambda, other.Lambda);
        }
    }

    [Fact]
    public void A_batch_larger_than_the_data_shrinks_to_them()
    {
        var halves = new BatchSampler(1, 0, 31, 256, MixingVariant.Halves, 1);
        Assert.Equal((15, 1), (halves.Batch, halves.StepsPerEpoch));
        Assert.Equal((31, 1), (new BatchSampler(1, 0, 31, 256, null, 1) is var plain ? (plain.Batch, plain.StepsPerEpoch) : default));
    }

    [Fact]
    public void Too_few_pairs_are_refused() =>
        Assert.Contains(
            "3 training pairs are too few",
            Assert.Throws<FuseMixException>(() => new BatchSampler(1, 0, 3, 8, MixingVariant.Halves, 1)).Message);

    [Fact]
    public void Nothing_is_mixed_without_a_variant() => Assert.Equal(1, Batch(new BatchSampler(1, 0, 30, 8, null, 1), 2).Lambda);

    private static (int[] First, int[] Second, double Lambda) Batch(BatchSampler sampler, long step)
    {
        var (first, second) = (new int[sampler.Batch], new int[sampler.Batch]);
        var lambda = sampler.Fill(step, first, second);
        return (first, second, lambda);
    }
}
