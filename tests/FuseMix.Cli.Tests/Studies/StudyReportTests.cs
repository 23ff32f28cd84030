using FuseMix.Cli.Studies;

namespace FuseMix.Cli.Tests.Studies;

public sealed class StudyReportTests
{
    [Fact]
    public void The_table_has_a_row_per_method_and_a_column_per_direction()
    {
        var report = new StudyReport(
            "augmentation", "What augmentation brings", "./fusemix study augmentation --seeds 2", "emoji", "test", 2, null, false,
            [
                new StudyMethod("FuseMix", "", null, [], ["a", "b"], [FakeClient.Report("a", 37), FakeClient.Report("b", 38)]),
                new StudyMethod("CCA", "", null, [], ["c"], [FakeClient.Report("c", 37.8)]),
            ]);
        var lines = report.ToMarkdown("augmentation-emoji-test.svg").Split('\n');
        Assert.Equal("# Study: augmentation", lines[0]);
        Assert.Contains("mean ± standard deviation of 2 seeds", lines[2], StringComparison.Ordinal);
        Assert.Contains("image → text R@1 / 5 / 10", lines[4], StringComparison.Ordinal);
        Assert.Contains("19.2±0.0 / 40.6±0.0 / 51.5±0.0", lines[6], StringComparison.Ordinal);
        Assert.EndsWith("37.5±0.7 |", lines[6], StringComparison.Ordinal);
        Assert.EndsWith("37.8 |", lines[7], StringComparison.Ordinal);
        Assert.DoesNotContain("ahead of", lines[4], StringComparison.Ordinal);
        Assert.Equal(
            ["", "![What augmentation brings](augmentation-emoji-test.svg)", "", "Made by `./fusemix study augmentation --seeds 2`.", ""],
            lines[8..]);
    }

    [Fact]
    public void On_folds_methods_are_compared_fold_by_fold()
    {
        // A hard fold, an easy one and one between: the difference spreads much less than the recall.
        var report = new StudyReport(
            "recipe", "Recipes side by side", "./fusemix study recipe --folds 3 --seeds 1", "emoji", "validation", 1, null, false,
            [Method("plain", 30, 50, 40), Method("better", 31, 52, 39.9)])
        {
            Folds = 3,
        };
        var lines = report.ToMarkdown("recipe.svg").Split('\n');
        Assert.Contains(
            "Dataset emoji, 3 folds of train and validation, 1 seed each: means, and by how much", lines[2], StringComparison.Ordinal);
        Assert.EndsWith("mean of all | ahead of the first |", lines[4], StringComparison.Ordinal);
        Assert.Matches(@"\|\s+19\.2 / 40\.6 / 51\.5 \|.*\|\s+40\.0 \|\s+\|$", lines[6]);
        Assert.EndsWith("41.0 | 1.0±1.1, on 2 of 3 |", lines[7], StringComparison.Ordinal);

        static StudyMethod Method(string name, params double[] means) =>
            new(name, "", null, [], [.. means.Select(mean => $"{mean}")], [.. means.Select(mean => FakeClient.Report("m", mean))]);
    }
}
