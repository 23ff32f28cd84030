using FuseMix.Cli.Output;
using FuseMix.Cli.Progress;
using FuseMix.Testing;

namespace FuseMix.Cli.Tests.Progress;

public sealed class ProgressTests
{
    private static readonly ProgressUnit Images = new("images");
    private readonly ManualTimeProvider _clock = new();
    private readonly StringWriter _out = new() { NewLine = "\n" };

    [Fact]
    public void Plain_lines_are_at_least_two_seconds_apart_and_at_most_fifteen()
    {
        var times = new List<double>();
        using (var progress = new PlainProgress(_out, _clock, "Extracting", Images))
        {
            var length = 0;
            for (var tenth = 0; tenth <= 1_200; tenth++)
            {
                progress.Report(new ProgressReading(tenth, 1_200));
                _clock.Advance(TimeSpan.FromMilliseconds(100));
                if (_out.ToString().Length > length) times.Add((tenth + 1) / 10.0);
                length = _out.ToString().Length;
            }
        }

        Assert.Equal(2, times[0]);
        Assert.All(times.Zip(times.Skip(1)), pair => Assert.InRange(pair.Second - pair.First, 2, 15.01));
        Assert.InRange(times.Count, 8, 14);
    }

    [Fact]
    public void Work_that_is_over_at_once_prints_no_line()
    {
        using (var progress = new PlainProgress(_out, _clock, "Extracting", Images)) progress.Report(new ProgressReading(10, 10));
        _clock.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal("", _out.ToString());
    }

    [Fact]
    public void A_plain_line_says_amount_percent_rate_and_time_left() => Assert.Equal(
        "Extracting emoji: 955 of 3,822 images, 24 %, 144 images/s, 20 s left",
        PlainProgress.Line("Extracting emoji", Images, new ProgressReading(955, 3_822) { PerSecond = 144 }));

    [Fact]
    public void Bytes_are_shown_as_megabytes() => Assert.Equal(
        "Verifying: 31 MB of 62 MB, 50 %, 10 MB/s, 4 s left",
        PlainProgress.Line("Verifying", ProgressUnit.Bytes, new ProgressReading(31_000_000, 62_000_000) { PerSecond = 10_000_000 }));

    [Fact]
    public void A_rate_of_something_else_says_nothing_about_the_time_left() => Assert.Equal(
        "Training: 100 of 400 steps, 25 %, 3,000 pairs/s, loss 3.210",
        PlainProgress.Line("Training", new ProgressUnit("steps"), new ProgressReading(100, 400) { PerSecond = 3_000, RateNoun = "pairs", Detail = "loss 3.210" }));

    [Theory]
    [InlineData(40)]
    [InlineData(60)]
    [InlineData(80)]
    [InlineData(100)]
    [InlineData(160)]
    public void The_live_line_fits_every_width(int width)
    {
        var reading = new ProgressReading(955, 3_822) { PerSecond = 144, Detail = "loss 3.210" };
        var line = LiveProgress.Render("Extracting emoji with mobilenet-v2-mid", Images, reading, [3, 2, 1], width, default);
        Assert.InRange(CellWidth.Of(line), 1, width);
        Assert.Contains("24 %", line, StringComparison.Ordinal);
    }

    [Fact]
    public void The_live_line_of_a_usual_terminal_has_everything() => Assert.Equal(
        "Training  ━━━━━━━╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌ 25 %  100 of 400 steps  3,000 pairs/s  30 s left  loss 3.210  █▅▁",
        LiveProgress.Render(
            "Training ",
            new ProgressUnit("steps"),
            new ProgressReading(100, 400) { PerSecond = 3_000, RateNoun = "pairs", Left = TimeSpan.FromSeconds(30), Detail = "loss 3.210" },
            [6, 4, 2], 140, default));

    [Fact]
    public void The_live_line_is_wiped_at_the_end_and_silent_afterwards()
    {
        var progress = new LiveProgress(_out, _clock, 80, 40, default, "Extracting", Images);
        progress.Report(new ProgressReading(1, 2));
        _clock.Advance(TimeSpan.FromSeconds(1));
        progress.Dispose();
        var written = _out.ToString();
        Assert.EndsWith("\r\e[2K", written, StringComparison.Ordinal);
        Assert.DoesNotContain("\n", written, StringComparison.Ordinal);
        _clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(written, _out.ToString());
    }

    [Fact]
    public void A_curve_stands_above_the_line_and_is_wiped_with_it()
    {
        var progress = new LiveProgress(_out, _clock, 80, 40, default, "Training", new ProgressUnit("steps"));
        for (var step = 1; step <= 3; step++)
        {
            progress.Report(new ProgressReading(step, 400) { Point = 4 - step, More = $"epoch {step} of 25" });
            _clock.Advance(TimeSpan.FromSeconds(0.125));
        }

        var frames = _out.ToString().Split("\r\e[9A");
        Assert.Equal(2, frames.Length);
        Assert.Contains("epoch 2 of 25\n", frames[0], StringComparison.Ordinal);
        var lines = frames[1].Replace("\r\e[2K", "", StringComparison.Ordinal).Split('\n');
        Assert.Equal(10, lines.Length);
        Assert.StartsWith("  3.00 ┤", lines[0], StringComparison.Ordinal);
        Assert.StartsWith("  1.00 ┤", lines[6], StringComparison.Ordinal);
        Assert.EndsWith("─ 400 steps", lines[7], StringComparison.Ordinal);
        Assert.Equal("  epoch 3 of 25", lines[8]);
        Assert.All(lines, line => Assert.InRange(CellWidth.Of(line), 1, 80));
        progress.Dispose();
        Assert.EndsWith("\r\e[9A\e[J", _out.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(79, 40)]
    [InlineData(120, 15)]
    public void A_curve_stands_beside_the_line_where_there_is_no_room_above(int width, int height)
    {
        using var progress = new LiveProgress(_out, _clock, width, height, default, "Training", new ProgressUnit("steps"));
        for (var step = 1; step <= 3; step++)
        {
            progress.Report(new ProgressReading(step, 400) { Point = 4 - step });
            _clock.Advance(TimeSpan.FromSeconds(0.125));
        }

        Assert.DoesNotContain("\n", _out.ToString(), StringComparison.Ordinal);
        Assert.Contains("█▅▁", _out.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Work_without_a_known_end_shows_the_time_go_by()
    {
        using var progress = new LiveProgress(_out, _clock, 80, 40, default, "Fetching nsfwjs", ProgressUnit.Bytes);
        progress.Report(new ProgressReading(0, 0) { Detail = "downloading" });
        _clock.Advance(TimeSpan.FromSeconds(12));
        Assert.Contains("Fetching nsfwjs", _out.ToString(), StringComparison.Ordinal);
        Assert.Contains("downloading, 12 s", _out.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void The_rate_is_that_of_the_last_seconds()
    {
        var meter = new RateMeter(_clock);
        Assert.Equal(0, meter.Update(0));
        for (var second = 1; second <= 10; second++)
        {
            _clock.Advance(TimeSpan.FromSeconds(1));
            meter.Update(second * 10);
        }

        _clock.Advance(TimeSpan.FromSeconds(1));
        Assert.InRange(meter.Update(1_100), 150, 250);
    }
}
