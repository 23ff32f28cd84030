using System.Xml.Linq;
using FuseMix.Cli.Studies;
using FuseMix.Testing;
using ScottPlot.Plottables;

namespace FuseMix.Cli.Tests.Studies;

public sealed class StudyPlotTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_study_along_a_scale_has_a_curve_with_error_bars_for_each_series()
    {
        using var plot = StudyPlot.Of(Scale());
        var bars = plot.PlottableList.OfType<ErrorBar>().ToArray();
        Assert.Equal(2, bars.Length);
        var lines = plot.PlottableList.OfType<Scatter>().ToArray();
        Assert.Equal(["FuseMix", "no augmentation"], lines.Select(line => line.LegendText));

        // On a logarithmic scale, in the order of the values, at the mean of the seeds.
        var points = lines[0].Data.GetScatterPoints();
        Assert.Equal([2, 3], points.Select(point => point.X));
        Assert.Equal([31, 41], points.Select(point => point.Y));
        Assert.Single(plot.PlottableList.OfType<HorizontalLine>());
    }

    [Fact]
    public void A_study_without_a_scale_has_a_bar_with_its_error_for_each_method()
    {
        using var plot = StudyPlot.Of(Scale() with { Axis = null, Logarithmic = false });
        var bars = Assert.Single(plot.PlottableList.OfType<BarPlot>()).Bars;
        Assert.Equal([41, 31, 20, 10, 25], bars.Select(bar => bar.Value));
        Assert.Equal([Math.Sqrt(2), Math.Sqrt(2), 0, 0, 0], bars.Select(bar => bar.Error), (a, b) => Math.Abs(a - b) < 1e-9);
    }

    [Fact]
    public void On_folds_the_error_is_that_of_the_difference_from_the_first_method()
    {
        var report = new StudyReport(
            "recipe", "Recipes", "./fusemix study recipe", "emoji", "validation", 1, null, false,
            [Method("plain", null, 30, 50), Method("better", null, 31, 53)])
        {
            Folds = 2,
        };
        using var plot = StudyPlot.Of(report);
        var bars = Assert.Single(plot.PlottableList.OfType<BarPlot>()).Bars;
        Assert.Equal([40, 42], bars.Select(bar => bar.Value));
        Assert.Equal([0, Math.Sqrt(2)], bars.Select(bar => bar.Error), (a, b) => Math.Abs(a - b) < 1e-9);
        var limits = plot.Axes.GetLimits();
        Assert.All(bars, bar => Assert.True(limits.Bottom < bar.Value - bar.Error && bar.Value + bar.Error < limits.Top));
        Assert.Equal("emoji, 2 folds of train and validation; error bars: of the difference from the first", plot.Axes.Title.Label.Text);
    }

    [Fact]
    public void The_files_are_an_SVG_and_a_PNG_of_the_same_size()
    {
        StudyPlot.Save(Scale(), _folder["plot"]);
        var svg = XDocument.Load(_folder["plot.svg"]).Root!;
        var png = File.ReadAllBytes(_folder["plot.png"]);
        Assert.Equal("svg", svg.Name.LocalName);
        Assert.Equal([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A], png[..8]);
        Assert.Equal(((string?)svg.Attribute("width"), (string?)svg.Attribute("height")), ($"{Number(png, 16)}", $"{Number(png, 20)}"));
    }

    private static int Number(byte[] bytes, int at) => (bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3];

    private static StudyReport Scale() => new(
        "quantity", "Recall by pairs", "./fusemix study quantity", "emoji", "test", 2, "training pairs", true,
        [
            Method("FuseMix", 1000, 40, 42),
            Method("FuseMix", 100, 30, 32),
            Method("no augmentation", 1000, 20),
            Method("no augmentation", 100, 10),
            Method("linear CCA", null, 25),
        ]);

    private static StudyMethod Method(string series, double? value, params double[] means) => new(
        value is null ? series : $"{series}, {value} pairs", series, value, [], [.. means.Select(mean => $"{mean}")],
        [.. means.Select(mean => FakeClient.Report("m", mean))]);
}
