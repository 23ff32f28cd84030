using FuseMix.Cli.Output;

namespace FuseMix.Cli.Progress;

/// <summary>What is counted.</summary>
/// <param name="Noun">The plural, e.g. "images".</param>
/// <param name="IsBytes">Whether the counts are bytes, shown in MB.</param>
internal sealed record ProgressUnit(string Noun, bool IsBytes = false)
{
    public static readonly ProgressUnit Bytes = new("B", IsBytes: true);

    public string Amount(long done, long total) => (IsBytes, total) switch
    {
        (_, 0) when done == 0 => "",
        (true, > 0) => $"{Phrases.Bytes(done)} of {Phrases.Bytes(total)}",
        (true, _) => Phrases.Bytes(done),
        (false, > 0) => $"{Phrases.Count(done)} of {Phrases.Count(total)} {Noun}",
        (false, _) => $"{Phrases.Count(done)} {Noun}",
    };
}

/// <summary>How far a piece of work is.</summary>
internal readonly record struct ProgressReading(long Done, long Total)
{
    /// <summary>What a second brings; 0 where not known.</summary>
    public double PerSecond { get; init; }

    /// <summary>What <see cref="PerSecond"/> counts; null for the unit of the work.</summary>
    public string? RateNoun { get; init; }

    /// <summary>Time left; null to have it estimated from the rate.</summary>
    public TimeSpan? Left { get; init; }

    /// <summary>More to say, e.g. "loss 3.21".</summary>
    public string? Detail { get; init; }

    /// <summary>What is worth a line of its own where there is room, e.g. "epoch 3 of 25".</summary>
    public string? More { get; init; }

    /// <summary>The next point of the curve that is drawn beside or above it, at <see cref="Done"/>.</summary>
    public double? Point { get; init; }

    public string Rate(ProgressUnit unit) => unit.IsBytes
        ? PerSecond > 0 ? $"{Phrases.Bytes((long)PerSecond)}/s" : ""
        : Phrases.Rate(PerSecond, RateNoun ?? unit.Noun);

    public TimeSpan? Remaining => Done >= Total ? null
        : Left ?? (PerSecond > 0 && RateNoun is null ? TimeSpan.FromSeconds((Total - Done) / PerSecond) : null);
}

/// <summary>Shows how one piece of long work goes on, until disposed.</summary>
internal abstract class ProgressView : IDisposable
{
    public abstract void Report(ProgressReading reading);

    public virtual void Dispose()
    {
    }
}

/// <summary>Shows nothing.</summary>
internal sealed class SilentProgress : ProgressView
{
    public override void Report(ProgressReading reading)
    {
    }
}
