namespace FuseMix.Cli.Progress;

/// <summary>The rate over the last few seconds, for work that does not tell its own.</summary>
internal sealed class RateMeter(TimeProvider clock)
{
    private static readonly TimeSpan Window = TimeSpan.FromSeconds(5);
    private readonly Queue<(long At, long Done)> _points = new();

    /// <summary>Notes that so much is done by now, and tells what a second brings; 0 while that cannot be told.</summary>
    public double Update(long done)
    {
        _points.Enqueue((clock.GetTimestamp(), done));
        while (_points.Count > 2 && clock.GetElapsedTime(_points.Peek().At) > Window) _points.Dequeue();
        var (at, first) = _points.Peek();
        var seconds = clock.GetElapsedTime(at).TotalSeconds;
        return seconds > 0 ? (done - first) / seconds : 0;
    }
}
