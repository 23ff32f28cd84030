using FuseMix.Core.Randomness;
using FuseMix.Training.Kernels;
using FuseMix.Training.Matrices;
using FuseMix.Training.Threading;

namespace FuseMix.Training.Tests.Matrices;

public sealed unsafe class OneDnnBFloat16ProductsTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Products_are_the_sums_of_the_definition(int threads)
    {
        if (!OneDnnBFloat16Products.IsSupported) Assert.Skip("No bf16 here.");
        using var team = new ThreadTeam(threads);
        using var products = new OneDnnBFloat16Products(team);

        // Each shape twice: what is kept from the first call must serve the second.
        (int M, int N, int K)[] shapes = [(1, 1, 1), (3, 5, 7), (64, 48, 300), (9, 200, 257), (300, 40, 64), (130, 150, 96)];
        foreach (var (m, n, k) in shapes.Concat(shapes))
        {
            foreach (var (transposeA, transposeB) in ((bool, bool)[])[(false, false), (false, true), (true, false)])
                Check(products, transposeA, transposeB, m, n, k);
        }
    }

    private static void Check(OneDnnBFloat16Products products, bool transposeA, bool transposeB, int m, int n, int k)
    {
        var (a, b) = (Values(m * k, 1), Values(k * n, 2));
        var (sums, stored, added) = (new float[m * n], new Bf16[m * n], new float[m * n]);
        Array.Fill(sums, float.NaN);
        Array.Fill(added, 3);
        fixed (Bf16* pa = a, pb = b, ps = stored)
        {
            fixed (float* pc = sums, pd = added)
            {
                products.Multiply(transposeA, transposeB, m, n, k, pa, pb, 0, pc);
                products.Multiply(transposeA, transposeB, m, n, k, pa, pb, 1, pd);
                products.Multiply(transposeA, transposeB, m, n, k, pa, pb, ps);
            }
        }

        for (var i = 0; i < m; i++)
        {
            for (var j = 0; j < n; j++)
            {
                var sum = 0.0;
                for (var p = 0; p < k; p++) sum += (double)Bf16.Read(a[transposeA ? (p * m) + i : (i * k) + p]) * Bf16.Read(
                    b[transposeB ? (j * k) + p : (p * n) + j]);
                var at = (i * n) + j;
                Assert.Equal(sum, sums[at], 1e-5 * Math.Max(1, k));
                Assert.Equal(sum + 3, added[at], 1e-5 * Math.Max(1, k));
                Assert.Equal(sum, Bf16.Read(stored[at]), (1e-5 * Math.Max(1, k)) + (Math.Abs(sum) / 250));
            }
        }
    }

    private static Bf16[] Values(int count, ulong stream)
    {
        var random = new RandomStream(29, stream);
        return [.. Enumerable.Range(0, count).Select(_ => Bf16.Of((float)random.NextNormal()))];
    }
}
