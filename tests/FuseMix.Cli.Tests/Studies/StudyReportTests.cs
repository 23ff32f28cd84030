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
        Assert.Equal(["", "![What augmentation brings](augmentation-emoji-test.svg)", "", "Made by `./fusemix study augmentation --seeds 2`.", ""], lines[8..]);
    }
}
