using System.Text;
using FuseMix.Cli.Output;

namespace FuseMix.Cli.Progress;

/// <summary>Progress as one line of a terminal that is drawn anew eight times a second and wiped at the end; a curve stands above it where
/// there is room.</summary>
internal sealed class LiveProgress : ProgressView
{
    private const int CurveLines = 7;
    private const int LeastWidth = 80;
    private const int LeastHeight = 16;
    private const string Spinner = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏";
    private static readonly TimeSpan Frame = TimeSpan.FromMilliseconds(125);

    private readonly Lock _gate = new();
    private readonly List<(double X, double Y)> _curve = [];
    private readonly TextWriter _writer;
    private readonly TimeProvider _clock;
    private readonly int _width;
    private readonly bool _hasRoom;
    private readonly Style _style;
    private readonly string _title;
    private readonly ProgressUnit _unit;
    private readonly ITimer _timer;
    private readonly long _started;
    private ProgressReading _reading;
    private int _frame;
    private int _above;
    private bool _ended;

    public LiveProgress(TextWriter writer, TimeProvider clock, int width, int height, Style style, string title, ProgressUnit unit)
    {
        (_writer, _clock, _width, _style, _title, _unit) = (writer, clock, width, style, title, unit);
        _hasRoom = width >= LeastWidth && height >= LeastHeight;
        _started = clock.GetTimestamp();
        _timer = clock.CreateTimer(_ => Draw(), null, Frame, Frame);
    }

    public override void Report(ProgressReading reading)
    {
        lock (_gate)
        {
            _reading = reading;
            if (reading.Point is { } point) _curve.Add((reading.Done, point));
        }
    }

    public override void Dispose()
    {
        _timer.Dispose();
        lock (_gate)
        {
            _ended = true;
            if (_frame > 0) _writer.Write(_above > 0 ? $"\r\e[{_above}A\e[J" : "\r\e[2K");
            _writer.Flush();
        }
    }

    private void Draw()
    {
        lock (_gate)
        {
            if (_ended) return;
            var reading = _reading;
            // Work whose end is not known shows at least that time goes by.
            if (reading.Total == 0)
                reading = reading with { Detail = $"{reading.Detail ?? "working"}, {Phrases.Duration(_clock.GetElapsedTime(_started))}" };
            var spinner = _style.Cyan(Spinner[_frame++ % Spinner.Length].ToString());
            var above = Above(reading);
            if (_above > 0) _writer.Write($"\r\e[{_above}A");
            foreach (var line in above) _writer.Write($"\r\e[2K{line}\n");
            _above = above.Length;
            double[] beside = above.Length > 0 ? [] : [.. _curve.Select(point => point.Y)];
            _writer.Write($"\r\e[2K{spinner} {Render(_title, _unit, reading, beside, _width - 3, _style)}");
            _writer.Flush();
        }
    }

    /// <summary>The curve with what there is to say about it; once drawn it stays.</summary>
    private string[] Above(ProgressReading reading)
    {
        if (!_hasRoom) return [];
        var plot = CurvePlot.Draw(_curve, reading.Total, _unit.Amount(reading.Total, 0), _width - 4, CurveLines);
        return plot.Count == 0
            ? new string[_above]
            : [.. plot.Select(line => $"  {_style.Cyan(line)}"), $"  {Phrases.Cut(reading.More ?? "", _width - 4)}"];
    }

    /// <summary>The line; what matters least goes first where it gets narrow.</summary>
    public static string Render(
        string title, ProgressUnit unit, ProgressReading reading, IReadOnlyList<double> curve, int width, Style style)
    {
        var fraction = reading.Total > 0 ? Math.Clamp((double)reading.Done / reading.Total, 0, 1) : 0;
        var name = Phrases.Cut(title, Math.Max(12, width / 3));
        var percent = reading.Total > 0 ? $"{Phrases.Percent(fraction),5}" : "";
        // The curve gets its full width at once: a bar that shrinks as the curve grows would seem to run backwards.
        const int curveColumns = 20;
        string[] optional =
        [
            reading.Remaining is { } left ? Phrases.Left(left) : "",
            reading.Detail ?? "",
            reading.Rate(unit),
            unit.Amount(reading.Done, reading.Total),
            curve.Count > 1 ? Sparkline.Draw(curve, curveColumns) : "",
        ];

        // In the order of importance, whatever still fits beside a bar of 10 columns; shown in reading order.
        var free = width - CellWidth.Of(name) - percent.Length - 12;
        var shown = new bool[optional.Length];
        for (var i = 0; i < optional.Length; i++)
        {
            var need = (i == optional.Length - 1 ? curveColumns : CellWidth.Of(optional[i])) + 2;
            if (optional[i].Length == 0 || need > free) continue;
            (shown[i], free) = (true, free - need);
        }

        var line = new StringBuilder(style.Bold(name)).Append(' ');
        if (reading.Total > 0) line.Append(Bar(fraction, 10 + Math.Clamp(free, 0, 20), style)).Append(percent);
        foreach (var i in (int[])[3, 2, 0, 1, 4])
        {
            if (shown[i]) line.Append("  ").Append(i == 4 ? style.Cyan(optional[i]) : optional[i]);
        }

        return line.ToString();
    }

    private static string Bar(double fraction, int columns, Style style)
    {
        var full = (int)Math.Floor(fraction * columns);
        return style.Green(new string('━', full)) + style.Dim(new string(style.On ? '━' : '╌', columns - full));
    }
}
