using FuseMix.Core.Randomness;
using FuseMix.Training.Matrices;
using FuseMix.Training.Tests.Adapters;
using FuseMix.Training.Threading;

namespace FuseMix.Training.Tests.Matrices;

public sealed unsafe class MatrixMultiplyTests
{
    public static TheoryData<string, bool, bool, int, int, int> Cases()
    {
        var data = new TheoryData<string, bool, bool, int, int, int>();
        string[] kernels = OneDnnMatrixMultiply.TryLoad() is null ? ["wide", "narrow"] : ["wide", "narrow", "oneDNN"];
        foreach (var kernel in kernels)
        {
            foreach (var (a, b) in ((bool, bool)[])[(false, false), (false, true), (true, false), (true, true)])
            {
                foreach (var (m, n, k) in
                    ((int, int, int)[])[(1, 1, 1), (3, 5, 7), (8, 32, 16), (9, 33, 257), (64, 48, 300), (130, 70, 513), (300, 40, 64)])
                {
                    data.Add(kernel, a, b, m, n, k);
                }
            }
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Products_are_the_sums_of_the_definition(string kernel, bool transposeA, bool transposeB, int m, int n, int k)
    {
        // Rows longer than needed, so that a wrong stride shows.
        var (lda, ldb, ldc) = ((transposeA ? m : k) + 3, (transposeB ? k : n) + 1, n + 2);
        var (a, b, c) = (Values((transposeA ? k : m) * lda, 1), Values((transposeB ? n : k) * ldb, 2), Values(m * ldc, 3));
        var before = (float[])c.Clone();
        fixed (float* pa = a, pb = b, pc = c)
        {
            GoldenTrainingTests.Kernel(kernel).Multiply(transposeA, transposeB, m, n, k, 0.5f, pa, lda, pb, ldb, 2, pc, ldc);
        }

        for (var i = 0; i < m; i++)
        {
            for (var j = 0; j < ldc; j++)
            {
                if (j >= n)
                {
                    Assert.Equal(before[(i * ldc) + j], c[(i * ldc) + j]);
                    continue;
                }

                var sum = 0.0;
                for (var p = 0; p < k; p++)
                    sum += (double)a[transposeA ? (p * lda) + i : (i * lda) + p] * b[transposeB ? (j * ldb) + p : (p * ldb) + j];
                Assert.Equal((0.5 * sum) + (2 * before[(i * ldc) + j]), c[(i * ldc) + j], 1e-4 * Math.Max(1, Math.Sqrt(k)));
            }
        }
    }

    [Theory]
    [InlineData("wide")]
    [InlineData("narrow")]
    public void What_C_held_is_not_read_where_its_factor_is_0(string kernel)
    {
        var (a, b, c) = (Values(5 * 4, 1), Values(4 * 6, 2), Enumerable.Repeat(float.NaN, 30).ToArray());
        fixed (float* pa = a, pb = b, pc = c) GoldenTrainingTests.Kernel(kernel).Multiply(false, false, 5, 6, 4, 1, pa, 4, pb, 6, 0, pc, 6);
        Assert.All(c, v => Assert.True(float.IsFinite(v)));
    }

    [Theory]
    [InlineData("wide")]
    [InlineData("narrow")]
    public void Our_own_product_has_the_same_bits_for_any_number_of_threads(string kernel)
    {
        const int M = 150, N = 200, K = 400;
        var (a, b) = (Values(M * K, 1), Values(K * N, 2));
        var results = new[] { 1, 2, 3, 5 }.Select(threads =>
        {
            using var team = new ThreadTeam(threads);
            var c = new float[M * N];
            var product = new ParallelMatrixMultiply(team, GoldenTrainingTests.Kernel(kernel));
            fixed (float* pa = a, pb = b, pc = c)
            {
                product.Multiply(false, true, M, N, K, 1, pa, K, pb, K, 0, pc, N);
                product.Multiply(true, false, N, M, K, 0, pb, N, pa, M, 1, pc, M);
            }

            return c;
        }).ToArray();
        Assert.All(results, c => Assert.Equal(results[0], c));
    }

    private static float[] Values(int count, ulong stream)
    {
        var random = new RandomStream(31, stream);
        return [.. Enumerable.Range(0, count).Select(_ => (float)random.NextNormal())];
    }
}
