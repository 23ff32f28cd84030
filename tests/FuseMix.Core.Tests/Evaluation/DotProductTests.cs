using FuseMix.Core.Evaluation;
using FuseMix.Testing;

namespace FuseMix.Core.Tests.Evaluation;

public sealed class DotProductTests
{
    public static TheoryData<int> Dimensions => [1, 2, 15, 16, 17, 31, 32, 48, 100, 511, 512, 513];

    [Theory]
    [MemberData(nameof(Dimensions))]
    public void A_product_equals_the_sum_in_double_precision(int dimension)
    {
        var a = Draw.Normal(1, dimension, 1);
        var b = Draw.Normal(1, dimension, 2);
        double expected = 0, size = 0;
        for (var i = 0; i < dimension; i++)
        {
            expected += (double)a[i] * b[i];
            size += Math.Abs((double)a[i] * b[i]);
        }

        Assert.InRange(DotProduct.Of(a, b), expected - size * 1e-6, expected + size * 1e-6);
    }

    [Theory]
    [MemberData(nameof(Dimensions))]
    public void A_table_holds_the_same_bits_as_single_products(int dimension)
    {
        foreach (var (m, n) in new[] { (1, 1), (3, 9), (4, 4), (5, 8), (9, 3), (8, 17) })
        {
            var queries = Draw.Normal(m, dimension, m);
            var rows = Draw.Normal(n, dimension, n + 100);
            var scores = new float[m * n];
            DotProduct.Table(queries, rows, dimension, scores);
            for (var i = 0; i < m; i++)
            {
                for (var j = 0; j < n; j++)
                {
                    Assert.Equal(
                        DotProduct.Of(queries.AsSpan(i * dimension, dimension), rows.AsSpan(j * dimension, dimension)), scores[i * n + j]);
                }
            }
        }
    }

    [Fact]
    public void Shapes_that_do_not_fit_are_refused()
    {
        Assert.Throws<ArgumentException>(() => DotProduct.Of(new float[3], new float[4]));
        Assert.Throws<ArgumentException>(() => DotProduct.Table(new float[3], new float[4], 2, new float[4]));
        Assert.Throws<ArgumentException>(() => DotProduct.Table(new float[4], new float[4], 2, new float[3]));
    }
}
