using FuseMix.Core.Randomness;
using FuseMix.Training.Adapters;
using FuseMix.Training.Kernels;
using FuseMix.Training.Matrices;
using FuseMix.Training.Threading;

namespace FuseMix.Training.Tests.Adapters;

/// <summary>Both losses, in one block and in several, against the formula in fp64 and its finite differences.</summary>
public sealed unsafe class PairLossTests
{
    private const int Width = 11;
    private const float Temperature = 0.2f;
    private const float Bias = -3;

    /// <summary>Loss, rows, most logits (1: blocks of the least size, 64 rows), whether negatives are weighted, λ.</summary>
    public static TheoryData<ContrastiveLoss, int, long, bool, double> Cases()
    {
        var cases = new TheoryData<ContrastiveLoss, int, long, bool, double>();
        foreach (var kind in Enum.GetValues<ContrastiveLoss>())
        {
            foreach (var rows in (int[])[2, 37, 64, 150])
            {
                foreach (var most in (long[])[PairLoss.MostLogits, 1])
                {
                    cases.Add(kind, rows, most, false, 1);
                    cases.Add(kind, rows, most, true, 1);
                    cases.Add(kind, rows, most, true, 0.3);
                }
            }
        }

        return cases;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Loss_and_gradients_are_those_of_the_formula(ContrastiveLoss kind, int rows, long most, bool weighted, double lambda)
    {
        var (left, right) = (Unit(rows, 1), Unit(rows, 2));
        var negatives = weighted ? Negatives(rows, lambda) : default;
        var computed = Compute(kind, left, right, negatives, most, 2);
        double[] l = [.. left.Select(v => (double)v)], r = [.. right.Select(v => (double)v)];
        double Reference(double temperature = Temperature, double bias = Bias) => Formula(kind, l, r, temperature, bias, negatives);

        Assert.Equal(Reference(), computed.Result.Loss, 2e-6 * Math.Max(1, Reference()));
        Near((Reference(Temperature + 1e-6) - Reference(Temperature - 1e-6)) / 2e-6, computed.Result.Temperature);
        if (kind == ContrastiveLoss.Sigmoid)
            Near((Reference(bias: Bias + 1e-5) - Reference(bias: Bias - 1e-5)) / 2e-5, computed.Result.Bias);
        foreach (var (values, gradient) in ((double[], float[])[])[(l, computed.Left), (r, computed.Right)])
        {
            var scale = gradient.Max(MathF.Abs);
            for (var i = 0; i < values.Length; i += 1 + (values.Length / 17))
            {
                var kept = values[i];
                values[i] = kept + 1e-5;
                var above = Reference();
                values[i] = kept - 1e-5;
                var below = Reference();
                values[i] = kept;
                Assert.Equal((above - below) / 2e-5, gradient[i], 2e-4 * scale);
            }
        }

        static void Near(double expected, double actual) => Assert.Equal(expected, actual, 2e-4 * Math.Max(1e-3, Math.Abs(expected)));
    }

    [Theory]
    [InlineData(ContrastiveLoss.InfoNce)]
    [InlineData(ContrastiveLoss.Sigmoid)]
    public void Blocks_give_the_numbers_of_the_whole_matrix_and_threads_none_of_their_own(ContrastiveLoss kind)
    {
        const int Rows = 205;
        var (left, right) = (Unit(Rows, 1), Unit(Rows, 2));
        foreach (var negatives in (NegativeWeights[])[default, Negatives(Rows, 0.6)])
        {
            var whole = Compute(kind, left, right, negatives, PairLoss.MostLogits, 1);
            var blocks = new[] { 1, 2, 3 }.Select(threads => Compute(kind, left, right, negatives, 1, threads)).ToArray();
            Assert.Equal(whole.Result.Loss, blocks[0].Result.Loss, 1e-6 * Math.Max(1, whole.Result.Loss));
            for (var i = 0; i < whole.Left.Length; i++)
            {
                Assert.Equal(whole.Left[i], blocks[0].Left[i], 1e-6f);
                Assert.Equal(whole.Right[i], blocks[0].Right[i], 1e-6f);
            }

            Assert.All(blocks, b => Assert.Equal(blocks[0].Result, b.Result));
            Assert.All(blocks, b => Assert.Equal(blocks[0].Left, b.Left));
            Assert.All(blocks, b => Assert.Equal(blocks[0].Right, b.Right));
        }
    }

    [Theory]
    [InlineData(ContrastiveLoss.InfoNce)]
    [InlineData(ContrastiveLoss.Sigmoid)]
    public void A_batch_above_the_limit_of_one_block_gives_the_numbers_of_the_whole_matrix(ContrastiveLoss kind)
    {
        const int Rows = 4_160;
        var (left, right) = (Unit(Rows, 1), Unit(Rows, 2));
        var whole = Compute(kind, left, right, default, (long)Rows * Rows, 2);
        var blocks = Compute(kind, left, right, default, PairLoss.MostLogits, 2);
        Assert.Equal(whole.Result.Loss, blocks.Result.Loss, 1e-6 * whole.Result.Loss);
        Assert.Equal(whole.Result.Temperature, blocks.Result.Temperature, 1e-5 * Math.Abs(whole.Result.Temperature));
        foreach (var (expected, actual) in (ReadOnlySpan<(float[], float[])>)[(whole.Left, blocks.Left), (whole.Right, blocks.Right)])
        {
            var scale = expected.Max(MathF.Abs);
            for (var i = 0; i < expected.Length; i++) Assert.Equal(expected[i], actual[i], 1e-5f * scale);
        }
    }

    [Fact]
    public void Batches_of_4096_are_one_block_and_those_of_20000_hold_no_more()
    {
        using var team = new ThreadTeam(1);
        var matrices = new ParallelMatrixMultiply(team, new PackedMatrixMultiply());
        using var one = PairLoss.Create(ContrastiveLoss.InfoNce, 4096, team, matrices);
        Assert.Equal(4096, one.Block);
        using var many = PairLoss.Create(ContrastiveLoss.InfoNce, 20_000, team, matrices);
        Assert.InRange((long)many.Block * 20_000, PairLoss.MostLogits / 2, PairLoss.MostLogits);
        Assert.Equal(0, many.Block % 64);
    }

    [Theory]
    [InlineData(ContrastiveLoss.InfoNce)]
    [InlineData(ContrastiveLoss.Sigmoid)]
    public void Nothing_is_allocated_in_a_step(ContrastiveLoss kind)
    {
        const int Rows = 150;
        using var team = new ThreadTeam(1);
        using var loss = PairLoss.Create(kind, Rows, team, new ParallelMatrixMultiply(team, new PackedMatrixMultiply()), 1);
        float[] left = Unit(Rows, 1), right = Unit(Rows, 2), a = new float[left.Length], b = new float[left.Length];
        var negatives = Negatives(Rows, 0.4);
        fixed (float* l = left, r = right, ga = a, gb = b)
        {
            loss.Compute(l, r, Rows, Width, Temperature, Bias, negatives, ga, gb);
            var before = GC.GetAllocatedBytesForCurrentThread();
            loss.Compute(l, r, Rows, Width, Temperature, Bias, negatives, ga, gb);
            Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        }
    }

    [Fact]
    public void A_pair_counts_as_a_negative_as_far_as_its_sources_are_of_other_groups()
    {
        // Sources (0, 1), (0, 2), (1, 0), (3, 4).
        var weights = new NegativeWeights([0, 0, 1, 3, 1, 2, 0, 4], 4, 0.75);
        Assert.Equal(1 - (0.75 * 0.75), weights.Of(0, 1), 1e-12);
        Assert.Equal(1 - (2 * 0.75 * 0.25), weights.Of(0, 2), 1e-12);
        Assert.Equal(1, weights.Of(0, 3));
        for (var i = 0; i < 4; i++)
        {
            for (var j = 0; j < 4; j++) Assert.Equal(weights.Of(i, j), weights.Of(j, i), 1e-12);
        }

        Assert.Equal(0, new NegativeWeights([5, 5, 5, 5], 2, 0.37).Of(0, 1));
        Assert.Equal(0, new NegativeWeights([5, 5, 5, 5], 2, 1).Of(0, 1));
        Assert.Equal(1, new NegativeWeights([5, 6, 5, 6], 2, 1).Of(0, 1));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(16)]
    [InlineData(45)]
    public void The_sigmoid_kernel_is_the_formula_in_and_beyond_its_lanes(int count)
    {
        var random = new RandomStream(31, (ulong)count);
        float[] logits = [.. Enumerable.Range(0, count).Select(_ => (float)(12 * random.NextNormal()))];
        logits[0] = SigmoidKernels.Nothing;
        var given = logits.Select(v => (double)v).ToArray();
        (double Loss, double Slope, double Sum) result;
        fixed (float* p = logits) result = SigmoidKernels.Gradient(p, Bias, 0.5f, count);
        Assert.Equal(given.Sum(s => Math.Max(s + Bias, 0) + double.LogP1(Math.Exp(-Math.Abs(s + Bias)))), result.Loss, 1e-4);
        for (var i = 0; i < count; i++) Assert.Equal(0.5 / (1 + Math.Exp(-(given[i] + Bias))), logits[i], 2e-7);
        Assert.Equal(given.Zip(logits, (s, g) => s * g).Sum(), result.Slope, 1e-4);
        Assert.Equal(logits.Sum(g => (double)g), result.Sum, 1e-5);
    }

    private static (LossResult Result, float[] Left, float[] Right) Compute(
        ContrastiveLoss kind, float[] left, float[] right, NegativeWeights negatives, long most, int threads)
    {
        using var team = new ThreadTeam(threads);
        var rows = left.Length / Width;
        using var loss = PairLoss.Create(kind, rows, team, new ParallelMatrixMultiply(team, new PackedMatrixMultiply()), most);
        Assert.Equal(Math.Min(rows, Math.Max(64, most / rows / 64 * 64)), loss.Block);
        float[] a = new float[left.Length], b = new float[left.Length];
        fixed (float* l = left, r = right, ga = a, gb = b)
        {
            return (loss.Compute(l, r, rows, Width, Temperature, Bias, negatives, ga, gb), a, b);
        }
    }

    private static double Formula(
        ContrastiveLoss kind, double[] left, double[] right, double temperature, double bias, NegativeWeights negatives)
    {
        var rows = left.Length / Width;
        var logits = new double[rows, rows];
        for (var i = 0; i < rows; i++)
        {
            for (var j = 0; j < rows; j++)
            {
                for (var k = 0; k < Width; k++) logits[i, j] += left[(i * Width) + k] * right[(j * Width) + k] / temperature;
            }
        }

        double Weight(int i, int j) => i == j ? 1 : negatives.Of(i, j);
        var loss = 0.0;
        for (var i = 0; i < rows; i++)
        {
            if (kind == ContrastiveLoss.Sigmoid)
            {
                for (var j = 0; j < rows; j++) loss += Weight(i, j) * Math.Log(1 + Math.Exp((i == j ? -1 : 1) * (logits[i, j] + bias)));
                continue;
            }

            loss += 0.5 * (Math.Log(Enumerable.Range(0, rows).Sum(j => Weight(i, j) * Math.Exp(logits[i, j]))) - logits[i, i]);
            loss += 0.5 * (Math.Log(Enumerable.Range(0, rows).Sum(j => Weight(i, j) * Math.Exp(logits[j, i]))) - logits[i, i]);
        }

        return loss / rows;
    }

    /// <summary>Groups of which several rows are.</summary>
    private static NegativeWeights Negatives(int rows, double lambda)
    {
        var random = new RandomStream(7, (ulong)rows);
        int[] first = [.. Enumerable.Range(0, rows).Select(_ => (int)(random.NextDouble() * Math.Max(2, rows / 3)))];
        int[] second = lambda == 1 ? first : [.. first.Select(_ => (int)(random.NextDouble() * Math.Max(2, rows / 3)))];
        return new NegativeWeights([.. first, .. second], rows, lambda);
    }

    private static float[] Unit(int rows, ulong stream)
    {
        var random = new RandomStream(19, stream);
        var values = new float[rows * Width];
        for (var r = 0; r < rows; r++)
        {
            var row = values.AsSpan(r * Width, Width);
            for (var j = 0; j < Width; j++) row[j] = (float)random.NextNormal();
            var norm = MathF.Sqrt(row.ToArray().Sum(v => v * v));
            for (var j = 0; j < Width; j++) row[j] /= norm;
        }

        return values;
    }
}
