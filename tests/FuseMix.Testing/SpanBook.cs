using System.Collections.Concurrent;
using System.Diagnostics;

namespace FuseMix.Testing;

/// <summary>Remembers the spans of FuseMix and of the grain calls between them that have ended; other tests' too, so look for your
/// own.</summary>
public sealed class SpanBook : IDisposable
{
    private readonly ConcurrentQueue<Activity> _spans = [];
    private readonly ActivityListener _listener;

    public SpanBook()
    {
        _listener = new ActivityListener
        {
            ShouldListenTo = source =>
                source.Name.StartsWith("FuseMix.", StringComparison.Ordinal) || source.Name == "Microsoft.Orleans.Application",
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = _spans.Enqueue,
        };
        ActivitySource.AddActivityListener(_listener);
    }

    /// <summary>The ended spans of a source.</summary>
    public Activity[] Of(string source) => [.. _spans.Where(span => span.Source.Name == source)];

    public void Dispose() => _listener.Dispose();
}
