using System.Diagnostics;
using System.Diagnostics.Metrics;
using FuseMix.Contracts.Extraction;
using static FuseMix.Grains.Hosting.Instruments;

namespace FuseMix.Grains.Extraction;

/// <summary>What extraction this node does: the meter and the activity source <c>FuseMix.Extraction</c>.</summary>
internal sealed class ExtractionMetrics
{
    /// <summary>Name of the meter and of the activity source.</summary>
    public const string Name = "FuseMix.Extraction";

    private const string Encoded = "encoded", Committed = "committed", Failed = "failed", Dropped = "dropped";

    private static readonly ActivitySource Spans = new(Name);

    private readonly TimeProvider _clock;
    private readonly Histogram<double> _shard;
    private readonly Counter<long> _items, _shards, _expired;
    private int _jobs;

    public ExtractionMetrics(IMeterFactory meters, TimeProvider clock)
    {
        _clock = clock;
        var meter = meters.Create(Name);
        _items = meter.CreateEvents(
            "fusemix.extraction.items",
            "{item}",
            "Items encoded, or found impossible to encode.",
            [.. from modality in Enum.GetValues<Modality>() from outcome in (string[])[Encoded, Failed] select Series(modality, outcome)]);
        _shards = meter.CreateEvents(
            "fusemix.extraction.shards", "{shard}", "Shards by how their extraction ended.", Each("outcome", Committed, Failed, Dropped));
        _shard = meter.CreateSeconds(
            "fusemix.extraction.shard.duration", "Time of a shard that was committed.", 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 60, 120, 300,
            600, 1800);
        _expired = meter.CreateEvents(
            "fusemix.extraction.leases.expired", "{lease}", "Shards taken from an extractor that was silent too long.");
        meter.CreateObservableGauge(
            "fusemix.extraction.jobs", () => Volatile.Read(ref _jobs), "{job}", "Extraction jobs that run on this node.");
    }

    /// <summary>Extracts a shard and measures it.</summary>
    public ShardOutcome Measure(ExtractionRequest request, int shard, Func<ShardOutcome> extract)
    {
        using var span = Spans.StartActivity("extract shard");
        span?.SetTag("fusemix.dataset", request.Dataset).SetTag("fusemix.encoder", request.Encoder).SetTag("fusemix.shard", shard);
        var started = _clock.GetTimestamp();
        var end = Failed;
        try
        {
            var outcome = extract();
            _shard.Record(_clock.GetElapsedTime(started).TotalSeconds);
            end = Committed;
            return outcome;
        }
        catch (Exception failure)
        {
            if (failure is OperationCanceledException) end = Dropped;
            span?.SetStatus(ActivityStatusCode.Error, failure.Message);
            throw;
        }
        finally
        {
            _shards.Add(1, Label("outcome", end));
        }
    }

    /// <summary>So many items were encoded, and so many could not be.</summary>
    public void Items(Modality modality, int encoded, int failed)
    {
        _items.Add(encoded, Series(modality, Encoded));
        if (failed > 0) _items.Add(failed, Series(modality, Failed));
    }

    /// <summary>A shard was taken from an extractor that was silent too long.</summary>
    public void LeaseExpired() => _expired.Add(1);

    /// <summary>A job runs on this node until the answer is disposed of.</summary>
    public IDisposable JobRuns()
    {
        Interlocked.Increment(ref _jobs);
        return new Run(this);
    }

    private static KeyValuePair<string, object?>[] Series(Modality modality, string outcome) =>
        [Label("modality", LabelOf(modality)), Label("outcome", outcome)];

    private sealed class Run(ExtractionMetrics metrics) : IDisposable
    {
        private int _over;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _over, 1) == 0) Interlocked.Decrement(ref metrics._jobs);
        }
    }
}
