using FuseMix.Cli.Output;

namespace FuseMix.Cli.Progress;

/// <summary>Progress as plain lines, for logs: the first after 2 s, then ever more seldom, at most one every 15 s.</summary>
internal sealed class PlainProgress : ProgressView
{
    public static readonly TimeSpan FirstInterval = TimeSpan.FromSeconds(2);
    public static readonly TimeSpan LongestInterval = TimeSpan.FromSeconds(15);

    private readonly Lock _gate = new();
    private readonly TextWriter _writer;
    private readonly string _title;
    private readonly ProgressUnit _unit;
    private readonly ITimer _timer;
    private TimeSpan _interval = FirstInterval;
    private ProgressReading? _reading;
    private string? _lastLine;
    private bool _ended;

    public PlainProgress(TextWriter writer, TimeProvider clock, string title, ProgressUnit unit)
    {
        (_writer, _title, _unit) = (writer, title, unit);
        // A timer rather than the reports decides when to speak: work that reports nothing for a minute is when people wonder.
        _timer = clock.CreateTimer(_ => Speak(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _timer.Change(_interval, Timeout.InfiniteTimeSpan);
    }

    public override void Report(ProgressReading reading)
    {
        lock (_gate) _reading = reading;
    }

    public override void Dispose()
    {
        lock (_gate) _ended = true;
        _timer.Dispose();
    }

    public static string Line(string title, ProgressUnit unit, ProgressReading reading)
    {
        string?[] parts =
        [
            unit.Amount(reading.Done, reading.Total),
            reading.Total > 0 ? Phrases.Percent((double)reading.Done / reading.Total) : null,
            reading.Rate(unit),
            reading.Remaining is { } left ? Phrases.Left(left) : null,
            reading.Detail,
            reading.More,
        ];
        return $"{title}: {string.Join(", ", parts.Where(p => !string.IsNullOrEmpty(p)))}";
    }

    private void Speak()
    {
        lock (_gate)
        {
            if (_ended) return;
            if (_reading is { } reading && Line(_title, _unit, reading) is var line && line != _lastLine)
                _writer.WriteLine(_lastLine = line);
            _interval = TimeSpan.FromSeconds(Math.Min(_interval.TotalSeconds * 1.5, LongestInterval.TotalSeconds));
            _timer.Change(_interval, Timeout.InfiniteTimeSpan);
        }
    }
}
