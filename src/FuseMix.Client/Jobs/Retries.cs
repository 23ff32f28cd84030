namespace FuseMix.Client.Jobs;

/// <summary>How long something is tried again that may work later: with growing, jittered pauses, up to a deadline.</summary>
/// <param name="clock">Measures and waits.</param>
/// <param name="deadline">How long after the first failure in a row a new attempt may still begin.</param>
internal sealed class Retries(TimeProvider clock, TimeSpan deadline)
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(10);
    private long? _failingSince;
    private int _failures;

    /// <summary>What comes now is counted anew.</summary>
    public void Succeeded() => (_failingSince, _failures) = (null, 0);

    /// <summary>Waits for the next attempt.</summary>
    /// <param name="atLeast">What the other side asks to wait; null where it does not say.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    /// <returns>Whether there is a next attempt: not, at once, where the pause would reach beyond the deadline.</returns>
    public async Task<bool> Next(TimeSpan? atLeast, CancellationToken cancellationToken)
    {
        var since = _failingSince ??= clock.GetTimestamp();

        // Half to one and a half times the pause, so that clients which failed together do not come back together.
        var pause = FirstPause * Math.Pow(2, Math.Min(_failures++, 10)) * (0.5 + Random.Shared.NextDouble());
        if (pause > LongestPause) pause = LongestPause;
        if (atLeast > pause) pause = atLeast.Value;
        if (clock.GetElapsedTime(since) + pause > deadline) return false;
        await Task.Delay(pause, clock, cancellationToken);
        return true;
    }
}
