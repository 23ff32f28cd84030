using System.Diagnostics;
using System.Diagnostics.Metrics;
using FuseMix.Contracts.Search;
using static FuseMix.Grains.Hosting.Instruments;

namespace FuseMix.Grains.Search;

/// <summary>How long searches take and how they end: the meter and the activity source <c>FuseMix.Search</c>.</summary>
/// <remarks>
/// A search that its caller asked wrongly or gave up is none of these: it says nothing of the service, and HTTP's own figures have it.
/// </remarks>
internal sealed class SearchMetrics
{
    /// <summary>Name of the meter and of the activity source.</summary>
    public const string Name = "FuseMix.Search";

    private const string Complete =
        "complete", Incomplete = "incomplete", Failed = "failed", Answered = "answered", Abandoned = "abandoned";

    private static readonly ActivitySource Spans = new(Name);

    private readonly TimeProvider _clock;
    private readonly Histogram<double> _duration, _encode, _shard;
    private readonly Counter<long> _queries, _hedges, _missing;

    public SearchMetrics(IMeterFactory meters, TimeProvider clock)
    {
        _clock = clock;
        var meter = meters.Create(Name);
        _duration = meter.CreateSeconds(
            "fusemix.search.duration",
            "Time of a search in the search grain.",
            0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10);
        _queries = meter.CreateEvents(
            "fusemix.search.queries",
            "{query}",
            "Queries of searches, by how the search ended.",
            Each("outcome", Complete, Incomplete, Failed));
        _encode = meter.CreateSeconds(
            "fusemix.search.encode.duration",
            "Time of encoding the texts or contents of a search.",
            0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5);
        _shard = meter.CreateSeconds(
            "fusemix.search.shard.duration",
            "Time until a replica of a shard answered or failed, whether or not the search still waited.",
            0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30);
        _hedges = meter.CreateEvents("fusemix.search.hedges", "{call}", "Calls of another replica because the first one was slow.");
        _missing = meter.CreateEvents("fusemix.search.missing_shards", "{shard}", "Shards that answers lacked.");
    }

    /// <summary>Runs a search and measures it.</summary>
    public async Task<SearchResponse> Measure(SearchRequest request, Func<Task<SearchResponse>> search)
    {
        using var span = Spans.StartActivity("search");
        span?.SetTag("fusemix.collection", request.Collection).SetTag("fusemix.target", LabelOf(request.Target));
        var started = _clock.GetTimestamp();
        try
        {
            var response = await search();
            _missing.Add(response.MissingShards.Length);
            End(response.Complete ? Complete : Incomplete);
            return response;
        }
        catch (Exception failure)
        {
            span?.SetStatus(ActivityStatusCode.Error, failure.Message);
            if (failure is not (OperationCanceledException or FuseMixException { Kind: FailureKind.Invalid or FailureKind.NotFound }))
                End(Failed);
            throw;
        }

        void End(string outcome)
        {
            span?.SetTag("fusemix.outcome", outcome);
            _queries.Add(request.Queries.Length, Label("outcome", outcome));
            _duration.Record(
                _clock.GetElapsedTime(started).TotalSeconds, Label("target", LabelOf(request.Target)), Label("outcome", outcome));
        }
    }

    /// <summary>Encodes and measures it.</summary>
    public T MeasureEncode<T>(Modality modality, Func<T> encode)
    {
        using var span = Spans.StartActivity("encode");
        span?.SetTag("fusemix.modality", LabelOf(modality));
        var started = _clock.GetTimestamp();
        var encoded = encode();
        _encode.Record(_clock.GetElapsedTime(started).TotalSeconds, Label("modality", LabelOf(modality)));
        return encoded;
    }

    /// <summary>Calls a replica of a shard and measures it.</summary>
    /// <param name="shard">Name of the shard.</param>
    /// <param name="call">The call.</param>
    /// <param name="over">Cancelled when nobody waits for the answer any more.</param>
    public async Task<T> MeasureShard<T>(string shard, Func<Task<T>> call, CancellationToken over)
    {
        using var span = Spans.StartActivity("shard");
        span?.SetTag("fusemix.shard", shard);
        var started = _clock.GetTimestamp();
        var outcome = Failed;
        try
        {
            var answer = await call().ConfigureAwait(false);
            outcome = Answered;
            return answer;
        }
        catch (Exception failure)
        {
            span?.SetStatus(ActivityStatusCode.Error, failure.Message);
            throw;
        }
        finally
        {
            if (over.IsCancellationRequested) outcome = Abandoned;
            span?.SetTag("fusemix.outcome", outcome);
            _shard.Record(_clock.GetElapsedTime(started).TotalSeconds, Label("outcome", outcome));
        }
    }

    /// <summary>Another replica of a shard was asked because the first one was slow.</summary>
    public void Hedged() => _hedges.Add(1);
}
