using System.Runtime.Intrinsics;
using FuseMix.Core.Randomness;
using FuseMix.Training.Kernels;
using FuseMix.Training.Tests.Adapters;

namespace FuseMix.Training.Tests.Kernels;

/// <summary>Every vector kernel against the plain formula in fp64, over widths with and without tails.</summary>
public sealed unsafe class KernelTests
{
    public static TheoryData<int> Widths => [1, 5, 15, 16, 17, 31, 48, 127, 128, 129, 300];

    private static float[] Values(int count, ulong stream, double scale = 1)
    {
        var random = new RandomStream(23, stream);
        return [.. Enumerable.Range(0, count).Select(_ => (float)(scale * random.NextNormal()))];
    }

    [Fact]
    public void Bf16_is_the_nearest_value_and_the_even_one_of_two()
    {
        float[] values =
        [
            0, -0f, 1, -1, 3.1415927f, 1e-40f, -1e38f, float.PositiveInfinity, 1 + (1f / 256), 1 + (3f / 256), -(1 + (1f / 256)), 0.1f,
            65535.5f, .. Values(3, 77),
        ];
        Assert.Equal(16, values.Length);
        var stored = new Bf16[16];
        var read = new float[16];
        fixed (float* from = values, to = read)
        {
            fixed (Bf16* at = stored)
            {
                Bf16.Store(Vector512.Load(from), at);
                Vector512.Store(Bf16.Load(at), to);
            }
        }

        for (var i = 0; i < values.Length; i++)
        {
            Assert.Equal(read[i], Bf16.Read(Bf16.Of(values[i])));
            Assert.Equal(read[i], Bf16.Read(stored[i]));
            Assert.Equal(0u, BitConverter.SingleToUInt32Bits(read[i]) & 0xFFFF);
            if (!float.IsFinite(values[i])) continue;
            var bits = BitConverter.SingleToUInt32Bits(values[i]) >> 16 << 16;
            var (below, above) = (BitConverter.UInt32BitsToSingle(bits), BitConverter.UInt32BitsToSingle(bits + 0x10000));
            Assert.True(
                Math.Abs((double)read[i] - values[i]) <= Math.Min(Math.Abs((double)below - values[i]), Math.Abs((double)above - values[i])),
                $"{values[i]:R}");
        }

        Assert.Equal([1f, 1 + (4f / 256), -1f], read[8..11]);
        Assert.True(float.IsNaN(Bf16.Read(Bf16.Of(float.NaN))));
        Assert.Equal(float.PositiveInfinity, read[7]);
    }

    [Theory]
    [MemberData(nameof(Widths))]
    public void Rows_stored_as_bf16_are_the_rounded_rows(int width)
    {
        var (x, bias) = (Values(width, 1), Values(width, 2));
        var mask = new DropoutMask(0.4, 3, 4);
        var (exactSlope, exact) = ((float[])x.Clone(), new float[width]);
        var (slope, activation, normal, doubled) = (new Bf16[width], new Bf16[width], new Bf16[width], new Bf16[width]);
        var (exactNormal, total) = (new float[width], new float[width]);
        fixed (float* px = x, pb = bias, pes = exactSlope, pe = exact, pn = exactNormal, pt = total)
        {
            fixed (Bf16* ps = slope, pa = activation, pr = normal, pd = doubled)
            {
                RowKernels.Round(px, ps, width);
                for (var i = 0; i < width; i++) pes[i] = Bf16.Read(ps[i]);
                ColumnKernels.Sum(ps, 1, width, 0, width, 0, pt);
                Assert.Equal(exactSlope, total);
                RowKernels.BiasGeluDropout((Fp32*)pes, pb, (Fp32*)pe, in mask, 5, width);
                RowKernels.BiasGeluDropout(ps, pb, pa, in mask, 5, width);
                RowKernels.LayerNorm(px, pb, pb, (Fp32*)pn, width);
                RowKernels.LayerNorm(px, pb, pb, pr, width);
                for (var i = 0; i < width; i++) pd[i] = pa[i];
                RowKernels.MultiplyInto(pd, ps, width);
            }
        }

        for (var i = 0; i < width; i++)
        {
            Assert.Equal(Bf16.Read(Bf16.Of(exact[i])), Bf16.Read(activation[i]));
            Assert.Equal(Bf16.Read(Bf16.Of(exactSlope[i])), Bf16.Read(slope[i]));
            Assert.Equal(Bf16.Read(Bf16.Of(exactNormal[i])), Bf16.Read(normal[i]));
            Assert.Equal(Bf16.Read(Bf16.Of(Bf16.Read(activation[i]) * Bf16.Read(slope[i]))), Bf16.Read(doubled[i]));
        }
    }

    [Fact]
    public void Exp_is_within_two_roundings_of_the_true_value()
    {
        for (var x = -87f; x < 88; x += 0.037f)
        {
            var expected = Math.Exp(x);
            Assert.InRange(VectorMath.Exp(Vector512.Create(x))[3], expected * (1 - 2.4e-7), expected * (1 + 2.4e-7));
        }
    }

    [Fact]
    public void Exp_neither_overflows_nor_turns_negative_beyond_its_range()
    {
        Assert.InRange(VectorMath.Exp(Vector512.Create(-1e9f))[0], 0, 1e-37f);
        Assert.True(float.IsFinite(VectorMath.Exp(Vector512.Create(1e9f))[0]));
    }

    [Fact]
    public void Gelu_is_its_erf_form_with_its_derivative()
    {
        for (var x = -12f; x < 12; x += 0.013f)
        {
            var (value, slope) = VectorMath.Gelu(Vector512.Create(x));
            Assert.Equal(ReferenceAdapter.Gelu(x), value[0], 4e-7 * Math.Max(1, Math.Abs(x)));
            var difference = (ReferenceAdapter.Gelu(x + 1e-5) - ReferenceAdapter.Gelu(x - 1e-5)) / 2e-5;
            Assert.Equal(difference, slope[0], 6e-7);
        }
    }

    [Theory]
    [MemberData(nameof(Widths))]
    public void A_row_moves_towards_another_by_what_it_does_not_keep(int width)
    {
        float[] a = Values(width, 1), b = Values(width, 2);
        var expected = a.Zip(b, (x, y) => (0.9 * x) + (0.1 * y)).ToArray();
        fixed (float* pa = a, pb = b) RowKernels.MoveTowards(pa, pb, 0.9f, width);
        Equal(expected, a, 1e-6);
    }

    [Theory]
    [MemberData(nameof(Widths))]
    public void LayerNorm_forward_is_the_formula(int width)
    {
        float[] x = Values(width, 1, 3), gain = Values(width, 2), offset = Values(width, 3), h = new float[width];
        fixed (float* px = x, pg = gain, po = offset, ph = h) RowKernels.LayerNorm(px, pg, po, (Fp32*)ph, width);
        Equal(ReferenceAdapter.LayerNorm(Doubles(x), Doubles(gain), Doubles(offset)), h, 2e-5);
    }

    [Theory]
    [MemberData(nameof(Widths))]
    public void LayerNorm_backward_is_the_finite_difference_and_adds_where_told(int width)
    {
        if (width == 1) return;
        float[] x = Values(width, 1), gain = Values(width, 2), offset = Values(width, 3), dh = Values(width, 4), h = new float[width],
        dx = Values(width, 5);
        var before = (float[])dx.Clone();
        fixed (float* px = x, pg = gain, po = offset, ph = h, pd = dh, pdx = dx)
        {
            var (mean, inverse) = RowKernels.LayerNorm(px, pg, po, (Fp32*)ph, width);
            RowKernels.LayerNormBackward(pd, px, pg, mean, inverse, 1, pdx, width);
        }

        var xs = Doubles(x);
        var expected = xs.Select((_, i) =>
        {
            double[] above = [.. xs], below = [.. xs];
            above[i] += 1e-5;
            below[i] -= 1e-5;
            return before[i] + ((Weighted(above) - Weighted(below)) / 2e-5);
        }).ToArray();
        Equal(expected, dx, 2e-4 * Math.Max(1, expected.Max(Math.Abs)));

        double Weighted(double[] at) => ReferenceAdapter.LayerNorm(at, Doubles(gain), Doubles(offset)).Select((v, i) => v * dh[i]).Sum();
    }

    [Theory]
    [MemberData(nameof(Widths))]
    public void Bias_gelu_and_dropout_in_one_visit_are_the_three_apart(int width)
    {
        float[] u = Values(width, 1), bias = Values(width, 2), activation = new float[width], slope = (float[])u.Clone();
        var mask = new DropoutMask(0.4, 3, 4);
        fixed (float* pu = slope, pb = bias, pa = activation) RowKernels.BiasGeluDropout((Fp32*)pu, pb, (Fp32*)pa, in mask, 9, width);
        for (var i = 0; i < width; i++)
        {
            var (value, derivative) = VectorMath.Gelu(Vector512.Create(u[i] + bias[i]));
            var factor = mask.Factor(9, i, width);
            Assert.Equal(value[0] * factor, activation[i]);
            Assert.Equal(derivative[0] * factor, slope[i]);
        }
    }

    [Theory]
    [MemberData(nameof(Widths))]
    public void Normalisation_gives_unit_rows_and_its_gradient(int width)
    {
        float[] y = Values(width, 1), z = new float[width], dz = Values(width, 2);
        var given = Doubles(dz);
        float norm;
        fixed (float* py = y, pz = z, pd = dz)
        {
            norm = RowKernels.Normalise(py, pz, width);
            RowKernels.NormaliseBackward(pd, pz, norm, width);
        }

        var length = Math.Sqrt(Doubles(y).Sum(v => v * v));
        Assert.Equal(length, norm, 1e-5 * length);
        Assert.Equal(1, z.Sum(v => (double)v * v), 1e-5);
        var along = Doubles(y).Select((v, i) => v / length * given[i]).Sum();
        Equal([.. given.Select((d, i) => (d - (along * y[i] / length)) / length)], dz, 1e-5 / Math.Min(length, 1));
    }

    [Fact]
    public void A_zero_row_stays_zero()
    {
        float[] y = new float[20], z = Values(20, 1);
        fixed (float* py = y, pz = z) Assert.Equal(1e-12f, RowKernels.Normalise(py, pz, 20));
        Assert.All(z, v => Assert.Equal(0, v));
    }

    [Theory]
    [MemberData(nameof(Widths))]
    public void Sums_products_and_logarithms_over_rows_and_columns_are_the_formulas(int width)
    {
        const int Rows = 9;
        float[] x = Values(Rows * width, 1, 4), total = Values(width, 2), logs = new float[width], a = Values(width, 3),
        b = Values(width, 4), c = new float[width];
        var before = Doubles(total);
        fixed (float* px = x, pt = total, pl = logs, pa = a, pb = b, pc = c)
        {
            ColumnKernels.Sum((Fp32*)px, Rows, width, 0, width, 1, pt);
            ColumnKernels.LogSumExp(px, Rows, width, 0, width, pl);
            Assert.Equal(Doubles(a).Select((v, i) => v * b[i]).Sum(), RowKernels.Dot(pa, pb, width), 1e-4);
            Assert.Equal(Math.Log(Doubles(a).Sum(Math.Exp)), RowKernels.LogSumExp(pa, width), 1e-5);
            RowKernels.Add(pa, pb, pc, width);
            Equal([.. a.Select((v, i) => (double)v + b[i])], c, 1e-6);
            RowKernels.SubtractFrom(pc, pb, width);
            Equal(Doubles(a), c, 1e-6);
            RowKernels.MultiplyInto((Fp32*)pc, (Fp32*)pb, width);
            Equal([.. a.Select((v, i) => (double)v * b[i])], c, 1e-5);
        }

        Equal([.. before.Select((v, j) => v + Enumerable.Range(0, Rows).Sum(r => (double)x[(r * width) + j]))], total, 1e-4);
        Equal([.. before.Select((_, j) => Math.Log(Enumerable.Range(0, Rows).Sum(r => Math.Exp(x[(r * width) + j]))))], logs, 1e-5);
    }

    [Theory]
    [MemberData(nameof(Widths))]
    public void AdamW_is_PyTorchs_update(int count)
    {
        float[] p = Values(count, 1), g = Values(count, 2), m = Values(count, 3, 0.1), v = [.. Values(count, 4).Select(x => x * x)];
        var expected = p.Select((value, i) =>
        {
            var mean = (0.9 * m[i]) + (0.1 * g[i]);
            var square = (0.999 * v[i]) + (0.001 * g[i] * g[i]);
            return (value * (1 - (0.01 * 0.1))) - (0.01 / (1 - Math.Pow(0.9, 3)) * mean / ((Math.Sqrt(square) / Math.Sqrt(1 - Math.Pow(0.999, 3))) + 1e-8));
        }).ToArray();
        fixed (float* pp = p, pg = g, pm = m, pv = v) new AdamW(0.01, 0.1, 0.9, 0.999, 1e-8, 3).Apply(pp, pg, pm, pv, count, decays: true);
        Equal(expected, p, 2e-6);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(128)]
    [InlineData(300)]
    public void A_group_of_dropout_decisions_is_made_as_each_one_alone(int width)
    {
        var mask = new DropoutMask(0.6, 0x123456789abcdef0, 0xfedcba9876543210);
        var factors = new float[DropoutMask.Group];
        for (var group = 0; group * DropoutMask.Group < width; group++)
        {
            fixed (float* p = factors) mask.Fill(5, group, width, p);
            for (var i = 0; i < Math.Min(DropoutMask.Group, width - (group * DropoutMask.Group)); i++)
            {
                Assert.Equal(mask.Factor(5, (group * DropoutMask.Group) + i, width), factors[i]);
            }
        }
    }

    [Theory]
    [InlineData(0.1)]
    [InlineData(0.6)]
    public void Dropout_drops_its_share_and_keeps_the_mean(double probability)
    {
        var mask = new DropoutMask(probability, 1, 2);
        var factors = Enumerable.Range(0, 200).SelectMany(
            row => Enumerable.Range(0, 500).Select(column => mask.Factor(row, column, 500))).ToArray();
        Assert.InRange(factors.Count(f => f == 0) / 100_000.0, probability - 0.006, probability + 0.006);
        Assert.InRange(factors.Average(), 0.985, 1.015);
    }

    [Fact]
    public void Another_step_layer_row_or_seed_drops_others()
    {
        float[] Factors(ulong seed, ulong stream, int row) =>
            [.. Enumerable.Range(0, 256).Select(c => new DropoutMask(0.5, seed, stream).Factor(row, c, 256))];
        var one = Factors(1, 1, 1);
        Assert.NotEqual(one, Factors(2, 1, 1));
        Assert.NotEqual(one, Factors(1, 2, 1));
        Assert.NotEqual(one, Factors(1, 1, 2));
        Assert.Equal(one, Factors(1, 1, 1));
    }

    private static double[] Doubles(float[] values) => Array.ConvertAll(values, v => (double)v);

    private static void Equal(double[] expected, float[] actual, double tolerance)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (var i = 0; i < actual.Length; i++) Assert.Equal(expected[i], actual[i], tolerance);
    }
}
