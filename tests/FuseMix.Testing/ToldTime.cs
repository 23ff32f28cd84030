namespace FuseMix.Testing;

/// <summary>A clock that shows the time of another, while its timers take real time: for code whose timers belong to somebody
/// else.</summary>
/// <remarks>Orleans takes all its time from one provider, and stands still where timers do.</remarks>
public sealed class ToldTime(TimeProvider clock) : TimeProvider
{
    public override TimeZoneInfo LocalTimeZone => clock.LocalTimeZone;

    public override long TimestampFrequency => clock.TimestampFrequency;

    public override DateTimeOffset GetUtcNow() => clock.GetUtcNow();

    public override long GetTimestamp() => clock.GetTimestamp();
}
