using FuseMix.Core.Randomness;
using FuseMix.Training.Matrices;
using FuseMix.Training.Normalisation;
using FuseMix.Training.Threading;

namespace FuseMix.Training.Tests.Normalisation;

public sealed unsafe class LatentTransformTests
{
    private const int Rows = 500;
    private const int Dimension = 13;

    [Fact]
    public void Standardised_features_have_mean_0_and_deviation_1_and_constants_become_0()
    {
        var values = Values();
        for (var r = 0; r < Rows; r++) values[(r * Dimension) + 4] = 7;
        var output = Apply(Fit(TransformKind.Standardise, values), values);
        for (var j = 0; j < Dimension; j++)
        {
            var feature = Column(output, Dimension, j);
            Assert.Equal(0, feature.Average(), 1e-4);
            Assert.Equal(j == 4 ? 0 : 1, Math.Sqrt(feature.Average(v => v * v)), 1e-3);
        }
    }

    [Fact]
    public void Principal_components_are_uncorrelated_in_falling_order_with_a_mean_square_of_1()
    {
        var values = Values();
        var transform = Fit(TransformKind.Pca, values, 6);
        var output = Apply(transform, values);
        Assert.Equal(6, transform.Output);
        Assert.Equal(1, output.Average(v => (double)v * v), 1e-3);
        double Moment(int a, int b) => Column(output, 6, a).Zip(Column(output, 6, b), (x, y) => x * y).Average();
        for (var a = 0; a < 6; a++)
        {
            Assert.Equal(0, Column(output, 6, a).Average(), 1e-4);
            for (var b = 0; b < a; b++) Assert.Equal(0, Moment(a, b), 1e-3);
            if (a > 0) Assert.True(Moment(a, a) <= Moment(a - 1, a - 1));
        }
    }

    [Fact]
    public void All_components_keep_distances_up_to_one_scale()
    {
        var values = Values();
        var output = Apply(Fit(TransformKind.Pca, values, 256), values);
        double Distance(float[] v, int a, int b) =>
            Math.Sqrt(Enumerable.Range(0, Dimension).Sum(j => Math.Pow(v[(a * Dimension) + j] - v[(b * Dimension) + j], 2)));
        var ratio = Distance(values, 0, 1) / Distance(output, 0, 1);
        for (var i = 2; i < 40; i++) Assert.Equal(ratio, Distance(values, i, i + 1) / Distance(output, i, i + 1), ratio * 1e-4);
    }

    [Theory]
    [InlineData(TransformKind.Pca)]
    [InlineData(TransformKind.Whiten)]
    public void Directions_without_variance_are_left_out(TransformKind kind)
    {
        var values = Values();
        for (var r = 0; r < Rows; r++) values[(r * Dimension) + 2] = values[(r * Dimension) + 1];
        Assert.Equal(Dimension - 1, Fit(kind, values, 256).Output);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(0.1)]
    [InlineData(0.7)]
    [InlineData(1)]
    public void Whitened_components_are_uncorrelated_and_as_strong_as_shrinkage_leaves_them(double shrinkage)
    {
        var values = Values();
        var output = Apply(Fit(TransformKind.Whiten, values, 6, shrinkage), values);
        var principal = Apply(Fit(TransformKind.Pca, values, 6), values);
        for (var a = 0; a < 6; a++)
        {
            for (var b = 0; b < a; b++) Assert.Equal(0, Column(output, 6, a).Zip(Column(output, 6, b), (x, y) => x * y).Average(), 1e-3);

            // The PCA's components have a mean variance of 1.
            var variance = Column(principal, 6, a).Average(v => v * v);
            Assert.Equal(variance / (((1 - shrinkage) * variance) + shrinkage), Column(output, 6, a).Average(v => v * v), 2e-3);
        }

        if (shrinkage == 1) Assert.Equal(principal, output);
    }

    [Fact]
    public void Only_the_rows_of_the_training_split_count()
    {
        var values = Values();
        using var team = new ThreadTeam(1);
        var half = LatentTransform.Fit(
            TransformKind.Standardise,
            0,
            0,
            new LatentMatrix(values, Dimension),
            [.. Enumerable.Range(0, 250)],
            new(team, new PackedMatrixMultiply()),
            "x");
        var alone = Fit(TransformKind.Standardise, values[..(250 * Dimension)]);
        Assert.Equal(alone.Mean, half.Mean);
        Assert.Equal(alone.Factors, half.Factors);
    }

    [Theory]
    [InlineData(TransformKind.Pca)]
    [InlineData(TransformKind.Whiten)]
    [InlineData(TransformKind.Standardise)]
    public void Latents_that_are_all_the_same_are_refused(TransformKind kind) =>
        Assert.Contains(
            "all training latents are the same",
            Assert.Throws<FuseMixException>(() => Fit(kind, Enumerable.Repeat(3f, Rows * Dimension).ToArray())).Message);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(17)]
    [InlineData(60)]
    public void Eigenvectors_take_a_matrix_apart_and_put_it_together(int n)
    {
        var random = new RandomStream(3, (ulong)n);
        var matrix = new double[n * n];
        for (var i = 0; i < n; i++)
        {
            for (var j = 0; j <= i; j++) matrix[(i * n) + j] = matrix[(j * n) + i] = random.NextNormal();
        }

        var (values, vectors) = SymmetricEigen.Decompose([.. matrix], n);
        Assert.Equal(values.OrderDescending(), values);
        for (var i = 0; i < n; i++)
        {
            for (var j = 0; j < n; j++)
            {
                var dot = Enumerable.Range(0, n).Sum(k => vectors[(i * n) + k] * vectors[(j * n) + k]);
                Assert.Equal(i == j ? 1 : 0, dot, 1e-10);
                var rebuilt = Enumerable.Range(0, n).Sum(k => values[k] * vectors[(k * n) + i] * vectors[(k * n) + j]);
                Assert.Equal(matrix[(i * n) + j], rebuilt, 1e-10 * n);
            }

            var row = vectors.AsSpan(i * n, n).ToArray();
            Assert.True(row.MaxBy(Math.Abs) > 0);
        }
    }

    [Fact]
    public void Matrices_that_are_diagonal_or_of_low_rank_have_their_eigenvalues()
    {
        double[] diagonal = [3, 0, 0, 0, 5, 0, 0, 0, 1];
        Assert.Equal([5, 3, 1], SymmetricEigen.Decompose(diagonal, 3).Values);
        var ones = Enumerable.Repeat(1.0, 25).ToArray();
        var values = SymmetricEigen.Decompose(ones, 5).Values;
        Assert.Equal(5, values[0], 1e-12);
        Assert.All(values[1..], v => Assert.Equal(0, v, 1e-12));
    }

    private static LatentTransform Fit(TransformKind kind, float[] values, int components = 256, double shrinkage = 0)
    {
        using var team = new ThreadTeam(1);
        var latents = new LatentMatrix(values, Dimension);
        return LatentTransform.Fit(
            kind,
            components,
            shrinkage,
            latents,
            [.. Enumerable.Range(0, latents.Count)],
            new ParallelMatrixMultiply(team, new PackedMatrixMultiply()),
            "test latents");
    }

    private static float[] Apply(LatentTransform transform, float[] values)
    {
        using var team = new ThreadTeam(1);
        var copy = (float[])values.Clone();
        var output = new float[values.Length / transform.Input * transform.Output];
        fixed (float* from = copy, to = output) transform.Apply(
            from, values.Length / transform.Input, to, new ParallelMatrixMultiply(team, new PackedMatrixMultiply()));
        return output;
    }

    private static float[] Values()
    {
        var random = new RandomStream(51, 0);
        var mixture = Enumerable.Range(0, Dimension * Dimension).Select(_ => random.NextNormal()).ToArray();
        var values = new float[Rows * Dimension];
        for (var r = 0; r < Rows; r++)
        {
            var causes = Enumerable.Range(0, Dimension).Select(c => random.NextNormal() / (c + 1)).ToArray();
            for (var j = 0; j < Dimension; j++)
            {
                values[(r * Dimension) + j] =
                    (float)(2 + Enumerable.Range(0, Dimension).Sum(c => causes[c] * mixture[(j * Dimension) + c]));
            }
        }

        return values;
    }

    private static IEnumerable<double> Column(float[] values, int width, int column) =>
        Enumerable.Range(0, values.Length / width).Select(r => (double)values[(r * width) + column]);
}
