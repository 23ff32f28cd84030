using System.Diagnostics;
using System.Diagnostics.Metrics;
using FuseMix.Grains.Hosting;

namespace FuseMix.Grains.Collections;

/// <summary>What this node holds of the index: the meter and the activity source <c>FuseMix.Index</c>.</summary>
internal sealed class IndexMetrics
{
    /// <summary>Name of the meter and of the activity source.</summary>
    public const string Name = "FuseMix.Index";

    private static readonly ActivitySource Spans = new(Name);

    private readonly Counter<long> _moves;
    private long _shards;
    private long _items;

    public IndexMetrics(IMeterFactory meters)
    {
        var meter = meters.Create(Name);
        meter.CreateObservableGauge(
            "fusemix.index.shards", () => Interlocked.Read(ref _shards), "{shard}", "Replicas of shards that this node holds.");
        meter.CreateObservableGauge(
            "fusemix.index.items", () => Interlocked.Read(ref _items), "{item}", "Items in the shards that this node holds.");
        _moves = meter.CreateEvents("fusemix.index.moves", "{shard}", "Shards that this node gave up to the one that they belong to now.");
    }

    /// <summary>The node has opened a shard with so many items.</summary>
    public void Opened(int items) => Count(1, items);

    /// <summary>The node has closed a shard with so many items.</summary>
    public void Closed(int items) => Count(-1, -items);

    /// <summary>A shard belongs to another node now.</summary>
    public void Moved() => _moves.Add(1);

    /// <summary>Runs the build of a collection in a span.</summary>
    public static T TraceBuild<T>(string collection, Func<T> build)
    {
        using var span = Spans.StartActivity("build collection");
        span?.SetTag("fusemix.collection", collection);
        try
        {
            return build();
        }
        catch (Exception failure)
        {
            span?.SetStatus(ActivityStatusCode.Error, failure.Message);
            throw;
        }
    }

    private void Count(int shards, int items)
    {
        Interlocked.Add(ref _shards, shards);
        Interlocked.Add(ref _items, items);
    }
}
