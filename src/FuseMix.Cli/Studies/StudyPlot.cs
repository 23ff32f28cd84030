using System.Globalization;
using FuseMix.Storage;
using ScottPlot;

namespace FuseMix.Cli.Studies;

/// <summary>A study as a picture: the mean recall with its standard deviation, along the scale or method by method.</summary>
internal static class StudyPlot
{
    private const int Width = 900;
    private const int Height = 540;

    /// <summary>So many names stand under their bars side by side; more stand aslant.</summary>
    private const int MostUpright = 8;

    private const int AslantPixelsPerCharacter = 5;
    private const int AslantLeft = 110;

    /// <summary>Writes the picture as SVG and as PNG.</summary>
    /// <param name="report">What to draw.</param>
    /// <param name="file">Path without its ending.</param>
    public static void Save(StudyReport report, string file)
    {
        using var plot = Of(report);
        AtomicFile.WriteText($"{file}.svg", plot.GetSvgXml(Width, Height));
        AtomicFile.WriteBytes($"{file}.png", plot.GetImageBytes(Width, Height, ImageFormat.Png));
    }

    internal static Plot Of(StudyReport report)
    {
        var plot = new Plot();
        plot.Title($"{report.Dataset}, {report.Measured}{(report.Folds is null ? "" : "; error bars: of the difference from the first")}");
        plot.YLabel("mean of R@1, 5, 10 in both directions (%)");
        plot.HideGrid();
        plot.Axes.Left.TickGenerator =
            new ScottPlot.TickGenerators.NumericAutomatic { LabelFormatter = value => value.ToString("0.#", CultureInfo.InvariantCulture) };
        if (report.Axis is null) Bars(plot, report);
        else Curves(plot, report);
        return plot;
    }

    private static void Curves(Plot plot, StudyReport report)
    {
        double At(double value) => report.Logarithmic ? Math.Log10(value) : value;
        var series = report.Methods.Where(method => method.Value is not null).GroupBy(method => method.Series).ToArray();
        foreach (var curve in series)
        {
            var points = curve.OrderBy(method => method.Value).ToArray();
            var spreads = points.Select(report.Recall).ToArray();
            double[] x = [.. points.Select(method => At(method.Value!.Value))], y = [.. spreads.Select(spread => spread.Mean)];
            var line = plot.Add.Scatter(x, y);
            line.LineWidth = 2;
            line.MarkerSize = 7;
            line.LegendText = curve.Key;
            var bars = plot.Add.ErrorBar(x, y, [.. spreads.Select(spread => spread.Deviation ?? 0)]);
            bars.Color = line.Color;
            bars.LineWidth = 1.5f;
        }

        double[] values = [.. series.SelectMany(curve => curve).Select(method => method.Value!.Value).Distinct().Order()];
        plot.Axes.Bottom.SetTicks(
            [.. values.Select(At)], [.. values.Select(value => value.ToString("#,0.##", CultureInfo.InvariantCulture))]);
        plot.XLabel(report.Axis!);
        foreach (var other in report.Methods.Where(method => method.Value is null))
        {
            var level = plot.Add.HorizontalLine(other.Runs.Average(run => run.Mean));
            level.LinePattern = LinePattern.Dashed;
            level.LegendText = other.Name;
        }

        if (series.Length > 1) plot.ShowLegend(Alignment.LowerRight);
        else plot.HideLegend();
    }

    private static void Bars(Plot plot, StudyReport report)
    {
        var methods = report.Methods;
        var spreads = methods.Select(report.Recall).ToArray();
        Bar[] all =
            [.. spreads.Select((spread, i) => new Bar { Position = i, Value = spread.Mean, Error = spread.Deviation ?? 0, Size = 0.6 })];
        var bars = plot.Add.Bars(all);
        bars.Color = Colors.SteelBlue;
        var aslant = methods.Length > MostUpright;
        plot.Axes.Bottom.SetTicks(
            [.. methods.Select((_, i) => (double)i)], [.. methods.Select(method => aslant ? method.Name : Wrapped(method.Name))]);
        if (aslant)
        {
            plot.Axes.Bottom.TickLabelStyle.Rotation = -45;
            plot.Axes.Bottom.TickLabelStyle.Alignment = Alignment.MiddleRight;
            plot.Axes.Left.MinimumSize = AslantLeft;
            plot.Axes.Bottom.MinimumSize = AslantPixelsPerCharacter * methods.Max(method => method.Name.Length);
        }

        plot.Axes.Margins(bottom: 0, top: 0.15);

        // What differs is at the top of the bars.
        var (least, most) = (all.Min(bar => bar.Value - bar.Error), all.Max(bar => bar.Value + bar.Error));
        plot.Axes.SetLimitsY(Math.Max(0, least - Math.Max(2, (most - least) / 2)), most + Math.Max(1, (most - least) / 5));
    }

    private static string Wrapped(string name)
    {
        var lines = new List<string> { "" };
        foreach (var word in name.Split(' '))
        {
            if (lines[^1].Length > 0 && lines[^1].Length + word.Length > 16) lines.Add(word);
            else lines[^1] = lines[^1].Length == 0 ? word : $"{lines[^1]} {word}";
        }

        return string.Join('\n', lines);
    }
}
