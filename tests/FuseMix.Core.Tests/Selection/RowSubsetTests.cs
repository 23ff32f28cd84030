using FuseMix.Core.Randomness;
using FuseMix.Core.Selection;

namespace FuseMix.Core.Tests.Selection;

public sealed class RowSubsetTests
{
    [Fact]
    public void A_uniform_part_has_distinct_rows_and_begins_a_larger_one_of_the_same_seed()
    {
        var large = RowSubset.Uniform(1000, 300, 7);
        Assert.Equal(300, large.Distinct().Count());
        Assert.All(large, row => Assert.InRange(row, 0, 999));
        Assert.Equal(large[..100], RowSubset.Uniform(1000, 100, 7));
        Assert.NotEqual(large, RowSubset.Uniform(1000, 300, 8));
    }

    [Fact]
    public void Farthest_points_are_those_of_a_search_over_all_distances()
    {
        const int Count = 2500, Dimension = 9;
        var rows = Units(Count, Dimension, 1);
        var chosen = RowSubset.FarthestPoints(rows, Dimension, 12, 3);
        for (var step = 1; step < chosen.Length; step++)
        {
            var distances = Enumerable.Range(0, Count).Select(i => chosen[..step].Min(c => 1 - Dot(rows, Dimension, i, c))).ToArray();
            Assert.Equal(distances.Max(), distances[chosen[step]], 1e-6);
        }
    }

    [Theory]
    [InlineData(5)]
    [InlineData(40)]
    public void Each_determinantal_choice_adds_the_most_to_the_determinant(int dimension)
    {
        const int Count = 60, Size = 7;
        var rows = Units(Count, dimension, 2);
        var chosen = RowSubset.Determinantal(rows, dimension, Size);
        for (var step = 0; step < Size; step++)
        {
            var volumes = Enumerable.Range(0, Count)
                .Select(i => chosen[..step].Contains(i) ? 0 : Determinant(rows, dimension, [.. chosen[..step], i])).ToArray();
            Assert.Equal(1, volumes[chosen[step]] / volumes.Max(), 1e-4);
        }
    }

    [Fact]
    public void Determinantal_choices_are_as_good_as_the_best_of_all_small_parts_nearly()
    {
        const int Count = 12, Dimension = 3;
        var rows = Units(Count, Dimension, 5);
        var best = (from a in Enumerable.Range(0, Count)
                    from b in Enumerable.Range(a + 1, Count - a - 1)
                    from c in Enumerable.Range(b + 1, Count - b - 1)
                    select Determinant(rows, Dimension, [a, b, c])).Max();
        Assert.InRange(Determinant(rows, Dimension, RowSubset.Determinantal(rows, Dimension, 3)), 0.7 * best, 1.000001 * best);
    }

    [Fact]
    public void Copies_are_chosen_only_when_nothing_else_is_left()
    {
        const int Dimension = 6;
        var five = Units(5, Dimension, 9);
        float[] rows = [.. five, .. five, .. five];
        var chosen = RowSubset.Determinantal(rows, Dimension, 9);
        Assert.Equal(5, chosen[..5].Select(row => row % 5).Distinct().Count());
        Assert.Equal(9, chosen.Distinct().Count());
        Assert.Equal(Enumerable.Range(0, 15).Except(chosen[..5]).Take(4), chosen[5..]);
    }

    [Fact]
    public void More_than_the_rank_of_the_kernel_can_be_chosen()
    {
        // In the plane (z·z' + 1)² has rank 5: 1, the two coordinates, and two of the three products.
        var rows = Units(30, 2, 4);
        var chosen = RowSubset.Determinantal(rows, 2, 12);
        Assert.Equal(12, chosen.Distinct().Count());
        Assert.True(Determinant(rows, 2, chosen[..5]) > 1e-3);
        Assert.Equal(Enumerable.Range(0, 30).Except(chosen[..5]).Take(7), chosen[5..]);
    }

    [Theory]
    [InlineData(700, 8, 40)]
    [InlineData(400, 33, 120)]
    [InlineData(200, 24, 200)]
    public void Determinantal_choices_are_those_of_the_algorithm_that_holds_the_whole_kernel(int count, int dimension, int size)
    {
        var rows = Clusters(count, dimension, 11);
        Assert.Equal(DenseGreedy(rows, dimension, size), RowSubset.Determinantal(rows, dimension, size));
    }

    [Fact]
    public void Of_rows_that_add_the_same_the_first_is_chosen()
    {
        // The axes: whatever is chosen, all others add the same.
        const int Dimension = 40;
        var rows = new float[Dimension * Dimension];
        for (var axis = 0; axis < Dimension; axis++) rows[(axis * Dimension) + (Dimension - 1 - axis)] = 1;
        Assert.Equal(Enumerable.Range(0, Dimension), RowSubset.Determinantal(rows, Dimension, Dimension));
    }

    [Fact]
    public void Rows_of_zeros_add_little_once_and_their_copies_nothing()
    {
        const int Dimension = 5;
        float[] rows = [.. new float[Dimension], .. Units(6, Dimension, 3), .. new float[Dimension]];
        var chosen = RowSubset.Determinantal(rows, Dimension, 8);
        Assert.Equal(DenseGreedy(rows, Dimension, 7), chosen[..7]);
        Assert.NotEqual(0, chosen[0]);
        Assert.Equal(7, chosen[7]);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    public void Threads_change_no_choice(int threads)
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        var rows = Clusters(3000, 16, 6);
        foreach (var method in (SubsetMethod[])[SubsetMethod.FarthestPoint, SubsetMethod.Determinantal])
        {
            var any = RowSubset.Choose(method, rows, 16, 3000, 150, 1, cancellationToken);
            Assert.Equal(150, any.Distinct().Count());
            Assert.Equal(
                any,
                method == SubsetMethod.FarthestPoint
                    ? RowSubset.FarthestPoints(rows, 16, 150, 1, threads, cancellationToken)
                    : RowSubset.Determinantal(rows, 16, 150, threads: threads, cancellationToken: cancellationToken));
        }
    }

    [Theory]
    [InlineData(float.NaN, "Row 17 holds a value that is not a finite number.")]
    [InlineData(float.PositiveInfinity, "Row 17 holds a value that is not a finite number.")]
    [InlineData(float.NegativeInfinity, "Row 17 holds a value that is not a finite number.")]
    [InlineData(3e19f, "Row 17 is too long: the square of its length is more than a float holds.")]
    public void Rows_whose_products_are_not_finite_are_refused_by_every_method_that_looks_at_them(float value, string said)
    {
        var rows = Units(40, 8, 8);
        rows[(17 * 8) + 3] = value;
        rows[(31 * 8) + 5] = value;
        foreach (var method in (SubsetMethod[])[SubsetMethod.FarthestPoint, SubsetMethod.Determinantal])
        {
            var refused = Assert.Throws<FuseMixException>(
                () => RowSubset.Choose(method, rows, 8, 40, 20, 1, TestContext.Current.CancellationToken));
            Assert.Equal((FailureKind.Invalid, said), (refused.Kind, refused.Message));
            Assert.NotNull(refused.Remedy);
        }
    }

    [Fact]
    public void A_choice_can_be_given_up()
    {
        var rows = Units(40, 8, 8);
        foreach (var method in (SubsetMethod[])[SubsetMethod.FarthestPoint, SubsetMethod.Determinantal])
            Assert.ThrowsAny<OperationCanceledException>(
                () => RowSubset.Choose(method, rows, 8, 40, 20, 1, new CancellationToken(canceled: true)));
    }

    [Fact]
    public void All_rows_are_a_part()
    {
        var rows = Units(40, 8, 8);
        foreach (var method in Enum.GetValues<SubsetMethod>())
            Assert.Equal(
                Enumerable.Range(0, 40), RowSubset.Choose(method, rows, 8, 40, 40, 1, TestContext.Current.CancellationToken).Order());
    }

    [Fact]
    public void What_does_not_fit_is_refused_before_it_begins()
    {
        var rows = Units(40, 8, 8);
        var refused = Assert.Throws<FuseMixException>(() => RowSubset.Determinantal(rows, 8, 30, budget: 40 * 29 * sizeof(float)));
        Assert.Contains("30 of 40", refused.Message, StringComparison.Ordinal);
        Assert.Throws<FuseMixException>(
            () => RowSubset.Choose(SubsetMethod.Uniform, rows, 8, 40, 41, 1, TestContext.Current.CancellationToken));
    }

    private static float[] Units(int count, int dimension, ulong seed)
    {
        var random = new RandomStream(seed, 1);
        var rows = new float[count * dimension];
        for (var i = 0; i < rows.Length; i++) rows[i] = (float)random.NextNormal();
        for (var r = 0; r < count; r++)
        {
            var row = rows.AsSpan(r * dimension, dimension);
            var norm = MathF.Sqrt(Dot(rows, dimension, r, r));
            foreach (ref var value in row) value /= norm;
        }

        return rows;
    }

    /// <summary>Units around a few centres, so that many rows soon add little: what a lazy search leaves out.</summary>
    private static float[] Clusters(int count, int dimension, ulong seed)
    {
        var centres = Units(12, dimension, seed);
        var rows = Units(count, dimension, seed + 1);
        for (var r = 0; r < count; r++)
        {
            var row = rows.AsSpan(r * dimension, dimension);
            for (var d = 0; d < dimension; d++) row[d] = (0.5f * row[d]) + centres[(r % 12 * dimension) + d];
            var norm = MathF.Sqrt(Dot(rows, dimension, r, r));
            foreach (ref var value in row) value /= norm;
        }

        return rows;
    }

    /// <summary>Chen, Zhang and Zhou's algorithm 1 in fp64, every row brought up to date at every step.</summary>
    private static int[] DenseGreedy(float[] rows, int dimension, int size)
    {
        var count = rows.Length / dimension;
        var kernel = new double[count, count];
        for (var i = 0; i < count; i++)
        {
            for (var j = 0; j < count; j++) kernel[i, j] = Math.Pow(1 + Exact(i, j), 2);
        }

        var factor = new double[count, size];
        var gains = Enumerable.Range(0, count).Select(i => kernel[i, i]).ToArray();
        var chosen = new List<int>();
        while (chosen.Count < size)
        {
            // As the code under test has it: the last bits of lengths do not decide where to begin.
            var top = Enumerable.Range(0, count).Except(chosen).Max(i => gains[i]);
            var best = Enumerable.Range(0, count).Except(chosen).First(i => gains[i] >= top * (chosen.Count == 0 ? 1 - 1e-5 : 1));
            for (var i = 0; i < count; i++)
            {
                var entry = kernel[best, i];
                for (var s = 0; s < chosen.Count; s++) entry -= factor[best, s] * factor[i, s];
                factor[i, chosen.Count] = entry / Math.Sqrt(gains[best]);
                if (i != best) gains[i] -= factor[i, chosen.Count] * factor[i, chosen.Count];
            }

            chosen.Add(best);
        }

        return [.. chosen];

        double Exact(int a, int b)
        {
            var sum = 0.0;
            for (var d = 0; d < dimension; d++) sum += (double)rows[(a * dimension) + d] * rows[(b * dimension) + d];
            return sum;
        }
    }

    private static float Dot(float[] rows, int dimension, int a, int b)
    {
        var sum = 0.0;
        for (var d = 0; d < dimension; d++) sum += rows[(a * dimension) + d] * rows[(b * dimension) + d];
        return (float)sum;
    }

    /// <summary>Of the kernel over some rows, by Gaussian elimination.</summary>
    private static double Determinant(float[] rows, int dimension, int[] part)
    {
        var n = part.Length;
        var k = new double[n, n];
        for (var i = 0; i < n; i++)
        {
            for (var j = 0; j < n; j++) k[i, j] = Math.Pow(1 + Dot(rows, dimension, part[i], part[j]), 2);
        }

        var determinant = 1.0;
        for (var p = 0; p < n; p++)
        {
            determinant *= k[p, p];
            for (var i = p + 1; i < n; i++)
            {
                var f = k[i, p] / k[p, p];
                for (var j = p; j < n; j++) k[i, j] -= f * k[p, j];
            }
        }

        return determinant;
    }
}
