using FsCheck;
using FsCheck.Fluent;
using FuseMix.Core.Evaluation;
using FuseMix.Testing;

namespace FuseMix.Core.Tests.Evaluation;

public sealed class RecallEvaluationTests
{
    // Three unit vectors in the plane and their negatives make every case below checkable by eye.
    private static readonly float[] X = [1, 0];
    private static readonly float[] Y = [0, 1];
    private static readonly float[] D = [0.6f, 0.8f];

    [Fact]
    public void The_right_candidate_with_the_highest_score_ranks_first() =>
        Assert.Equal([1], Ranks([X], [X, Y, D], [0]));

    [Theory]
    [InlineData(1)]
    [InlineData(100)]
    public void It_stops_when_it_is_told_to(int queries)
    {
        var rows = Enumerable.Repeat(X, queries).SelectMany(row => row).ToArray();
        int[][] correct = [.. Enumerable.Range(0, queries).Select(query => (int[])[query])];
        Assert.ThrowsAny<OperationCanceledException>(
            () => RecallEvaluation.Ranks(rows, rows, 2, correct, 2, new CancellationToken(canceled: true)));
    }

    [Fact]
    public void Every_wrong_candidate_that_scores_higher_costs_one_rank() =>
        Assert.Equal([3], Ranks([X], [X, Y, D], [1]));

    [Fact]
    public void A_wrong_candidate_with_the_same_score_counts_against_us() =>
        Assert.Equal([3], Ranks([X], [X, X, X, Y], [1]));

    [Fact]
    public void Other_right_candidates_do_not_count_wherever_they_rank() =>
        Assert.Equal([1, 2], Ranks([X, Y], [X, D, X, Y], [0, 1, 2], [0, 1, 2]));

    [Fact]
    public void A_right_candidate_named_twice_counts_once() =>
        Assert.Equal([2], Ranks([X], [X, X, Y], [1, 1]));

    [Fact]
    public void All_right_is_rank_one_and_a_collapsed_space_is_the_last_rank()
    {
        Assert.Equal([1], Ranks([X], [X, X, X], [0, 1, 2]));
        Assert.Equal([3, 3], Ranks([X, X], [D, D, D], [0], [2]));
    }

    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(33, 257, 5)]
    [InlineData(70, 515, 16)]
    [InlineData(64, 512, 67)]
    [InlineData(5, 1000, 128)]
    public void Ranks_equal_those_of_a_scalar_sort(int n, int m, int d)
    {
        // Values on a coarse grid make ties frequent and every product and sum exact, so that the two must agree to the last rank.
        var random = new System.Random(n + m + d);
        var queries = Enumerable.Range(0, n * d).Select(_ => random.Next(-2, 3) * 0.5f).ToArray();
        var candidates = Enumerable.Range(0, m * d).Select(_ => random.Next(-2, 3) * 0.5f).ToArray();
        var correct = Enumerable.Range(0, n).Select(
            _ => (IReadOnlyList<int>)Enumerable.Range(0, random.Next(1, 6)).Select(_ => random.Next(m)).ToArray()).ToArray();

        var expected = new int[n];
        for (var q = 0; q < n; q++)
        {
            var scores = Enumerable.Range(0, m).Select(
                c => Enumerable.Range(0, d).Sum(i => (double)queries[q * d + i] * candidates[c * d + i])).ToArray();
            var best = correct[q].Max(c => scores[c]);
            expected[q] = 1 + Enumerable.Range(0, m).Count(c => !correct[q].Contains(c) && scores[c] >= best);
        }

        Assert.Equal(expected, RecallEvaluation.Ranks(queries, candidates, d, correct));
        Assert.Equal(expected, RecallEvaluation.Ranks(queries, candidates, d, correct, threads: 1));
    }

    [Fact]
    public void Copies_of_the_right_candidate_tie_in_any_block_position()
    {
        // Real-valued scores: equal vectors tie only if every kernel adds in the same order.
        const int D = 51;
        var row = Draw.UnitRows(1, D, 1);
        var candidates = Enumerable.Repeat(row, 300).SelectMany(r => r).ToArray();
        var queries = Draw.UnitRows(37, D, 2);
        var correct = Enumerable.Range(0, 37).Select(q => (IReadOnlyList<int>)[q * 7]).ToArray();
        Assert.All(RecallEvaluation.Ranks(queries, candidates, D, correct), rank => Assert.Equal(300, rank));
    }

    [Fact]
    public void Reordering_the_candidates_changes_no_rank() => Prop.ForAll(
        ArbMap.Default.ArbFor<int>(),
        seed =>
        {
            var random = new System.Random(seed);
            int n = random.Next(1, 40), m = random.Next(1, 300), d = random.Next(1, 40);
            var queries = Draw.Normal(n, d, seed);
            var candidates = Draw.Normal(m, d, seed + 1);
            var correct = Enumerable.Range(0, n).Select(_ => random.Next(m)).ToArray();
            var order = Enumerable.Range(0, m).ToArray();
            random.Shuffle(order);
            var shuffled = order.SelectMany(row => candidates.AsSpan(row * d, d).ToArray()).ToArray();

            var before = RecallEvaluation.Ranks(queries, candidates, d, [.. correct.Select(c => (IReadOnlyList<int>)[c])]);
            var after = RecallEvaluation.Ranks(
                queries, shuffled, d, [.. correct.Select(c => (IReadOnlyList<int>)[Array.IndexOf(order, c)])]);
            return before.SequenceEqual(after) && before.All(rank => rank >= 1 && rank <= m);
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void Another_right_candidate_never_makes_a_rank_worse() => Prop.ForAll(
        ArbMap.Default.ArbFor<int>(),
        seed =>
        {
            var random = new System.Random(seed);
            int m = random.Next(2, 300), d = random.Next(1, 20);
            var query = Draw.Normal(1, d, seed);
            var candidates = Draw.Normal(m, d, seed + 1);
            int one = random.Next(m), two = random.Next(m);
            return RecallEvaluation.Ranks(query, candidates, d, [[one, two]])[0] <= RecallEvaluation.Ranks(
                query, candidates, d, [[one]])[0];
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void Values_that_are_not_finite_are_refused_with_their_row()
    {
        Assert.Contains(
            "query embedding in row 1 holds NaN", Refused(() => Ranks([X, [0, float.NaN]], [X], [0], [0])), StringComparison.Ordinal);
        Assert.Contains(
            "candidate embedding in row 0", Refused(() => Ranks([X], [[float.PositiveInfinity, 0]], [0])), StringComparison.Ordinal);
    }

    [Fact]
    public void Queries_without_a_valid_right_candidate_are_refused()
    {
        Assert.Contains("Query 1 has no right candidate", Refused(() => Ranks([X, Y], [X], [0], [])), StringComparison.Ordinal);
        Assert.Contains("names candidate 1; there are 1", Refused(() => Ranks([X], [X], [1])), StringComparison.Ordinal);
        Assert.Contains("1 queries come with 2", Refused(() => Ranks([X], [X], [0], [0])), StringComparison.Ordinal);
        Assert.Contains(
            "not rows of 2", Refused(() => RecallEvaluation.Ranks(new float[3], new float[2], 2, [[0]])), StringComparison.Ordinal);
        Assert.Contains(
            "not rows of 2", Refused(() => RecallEvaluation.Ranks(Array.Empty<float>(), new float[2], 2, [])), StringComparison.Ordinal);
    }

    [Fact]
    public void Captions_and_pictures_of_one_group_answer_one_another()
    {
        // Group 7 has two captions, group 9 one; the second picture of group 9 lies on the other side.
        var images = new EmbeddingSet(Modality.Image, Join(X, Y, D), 2, [7, 9, 9]);
        var texts = new EmbeddingSet(Modality.Text, Join(Y, X, D), 2, [7, 7, 9]);
        var report = RetrievalReport.Measure(images, texts);

        // image → text: X finds the caption at X (rank 1); Y finds D behind the wrong caption at Y (rank 2); D finds D (rank 1).
        Assert.Equal(new DirectionRecall(Modality.Image, Modality.Text, 3, 3, 200 / 3.0, 100, 100, 1), report.Forward);

        // text → image: Y of group 7 wants X, which is last (rank 3); X finds X; D finds D.
        Assert.Equal(new DirectionRecall(Modality.Text, Modality.Image, 3, 3, 200 / 3.0, 100, 100, 1), report.Backward);
        Assert.Equal((200 / 3.0 + 100 + 100) / 3, report.Mean, 12);
        Assert.Equal("image → text", report.Forward.Name);
    }

    [Fact]
    public void Recalls_and_the_median_follow_from_the_ranks()
    {
        var odd = DirectionRecall.Of(Modality.Text, Modality.Audio, 50, [1, 5, 6, 10, 11]);
        Assert.Equal((20.0, 40.0, 80.0, 6.0), (odd.At1, odd.At5, odd.At10, odd.MedianRank));
        Assert.Equal(5.5, DirectionRecall.Of(Modality.Text, Modality.Audio, 50, [10, 1, 5, 6]).MedianRank);
        Assert.Throws<ArgumentException>(() => DirectionRecall.Of(Modality.Text, Modality.Audio, 50, []));
    }

    [Fact]
    public void Sets_that_do_not_fit_together_are_refused()
    {
        var images = new EmbeddingSet(Modality.Image, Join(X), 2, [1]);
        Assert.Contains(
            "not one space",
            Refused(() => RetrievalReport.Measure(images, new EmbeddingSet(Modality.Text, new float[] { 1 }, 1, [1]))),
            StringComparison.Ordinal);
        Assert.Contains(
            "no Text candidate",
            Refused(() => RetrievalReport.Measure(images, new EmbeddingSet(Modality.Text, Join(X), 2, [2]))),
            StringComparison.Ordinal);
        Assert.Contains("one group each", Refused(() => new EmbeddingSet(Modality.Text, Join(X), 2, [1, 2])), StringComparison.Ordinal);
        Assert.Contains("one group each", Refused(() => new EmbeddingSet(Modality.Text, Join(X), 3, [1])), StringComparison.Ordinal);
        Assert.Contains(
            "one group each", Refused(() => new EmbeddingSet(Modality.Text, Array.Empty<float>(), 3, [])), StringComparison.Ordinal);
    }

    private static int[] Ranks(float[][] queries, float[][] candidates, params int[][] correct) =>
        RecallEvaluation.Ranks(Join(queries), Join(candidates), 2, correct);

    private static float[] Join(params float[][] rows) => [.. rows.SelectMany(r => r)];

    private static string Refused(Func<object> action)
    {
        var error = Assert.Throws<FuseMixException>(action);
        Assert.Equal(FailureKind.Invalid, error.Kind);
        return error.Message;
    }
}
