using FuseMix.Contracts.Search;
using FuseMix.Grains.Search;
using FuseMix.Testing;

namespace FuseMix.Grains.Tests.Search;

public sealed class SearchMetricsTests : IDisposable
{
    private static readonly SearchRequest Request = new("boats", [SearchQuery.OfText("a"), SearchQuery.OfText("b")], Modality.Image);

    private readonly MeterBook _meters = new();
    private readonly ManualTimeProvider _clock = new();
    private readonly SearchMetrics _metrics;

    public SearchMetricsTests() => _metrics = new SearchMetrics(_meters, _clock);

    public void Dispose() => _meters.Dispose();

    [Theory]
    [InlineData("complete")]
    [InlineData("incomplete", "text-00000: gone", "text-00001: gone")]
    public async Task A_search_is_measured_by_its_target_and_by_whether_it_is_complete(string outcome, params string[] missing)
    {
        await _metrics.Measure(Request, () => Answer(missing));
        Assert.Equal([0.3], _meters.Values("fusemix.search.duration", "target=image", $"outcome={outcome}"));
        Assert.Single(_meters.Values("fusemix.search.duration"));
        Assert.Equal(2, _meters.Sum("fusemix.search.queries", $"outcome={outcome}"));
        Assert.Equal(2, _meters.Sum("fusemix.search.queries"));
        Assert.Equal(missing.Length, _meters.Sum("fusemix.search.missing_shards"));
    }

    [Theory]
    [InlineData(null, "any")]
    [InlineData(Modality.Text, "text")]
    [InlineData(Modality.Audio, "audio")]
    public async Task A_search_without_a_target_is_for_any(Modality? target, string label)
    {
        await _metrics.Measure(Request with { Target = target }, () => Answer());
        Assert.Single(_meters.Values("fusemix.search.duration", $"target={label}"));
    }

    [Theory]
    [InlineData(FailureKind.Conflict)]
    [InlineData(FailureKind.Corrupt)]
    [InlineData(FailureKind.Unavailable)]
    public async Task A_search_that_the_service_fails_is_counted_as_failed(FailureKind kind)
    {
        await Assert.ThrowsAsync<FuseMixException>(() => _metrics.Measure(Request, () => throw new FuseMixException(kind, "No.")));
        Assert.Equal(2, _meters.Sum("fusemix.search.queries", "outcome=failed"));
        Assert.Single(_meters.Values("fusemix.search.duration", "outcome=failed"));
    }

    [Fact]
    public async Task A_search_that_fails_unexpectedly_is_counted_as_failed()
    {
        await Assert.ThrowsAsync<TimeoutException>(() => _metrics.Measure(Request, () => throw new TimeoutException()));
        Assert.Equal(2, _meters.Sum("fusemix.search.queries", "outcome=failed"));
    }

    [Fact]
    public async Task A_search_that_was_asked_wrongly_or_given_up_is_not_counted()
    {
        foreach (var failure in (Exception[])
        [
            new FuseMixException(FailureKind.Invalid, "No."),
            new FuseMixException(FailureKind.NotFound, "No."),
            new OperationCanceledException(),
        ])
        {
            await Assert.ThrowsAsync(failure.GetType(), () => _metrics.Measure(Request, () => throw failure));
        }

        // Not even a request that has no queries at all, which is one of the wrong ones.
        await Assert.ThrowsAsync<FuseMixException>(
            () => _metrics.Measure(Request with { Queries = null! }, () => throw new FuseMixException(FailureKind.Invalid, "No.")));
        Assert.Equal(0, _meters.Sum("fusemix.search.queries"));
        Assert.Empty(_meters.Values("fusemix.search.duration"));
    }

    [Fact]
    public void Encoding_is_measured_by_modality()
    {
        Assert.Equal(7, _metrics.MeasureEncode(Modality.Text, () =>
        {
            _clock.Advance(TimeSpan.FromMilliseconds(20));
            return 7;
        }));
        Assert.Equal([0.02], _meters.Values("fusemix.search.encode.duration", "modality=text"));
    }

    [Fact]
    public async Task A_replica_that_answers_or_fails_in_time_is_measured_so()
    {
        using var over = new CancellationTokenSource();
        Assert.Equal(7, await _metrics.MeasureShard("image-00000", () => Task.FromResult(7), over.Token));
        await Assert.ThrowsAsync<TimeoutException>(
            () => _metrics.MeasureShard("image-00000", () => Task.FromException<int>(new TimeoutException()), over.Token));
        Assert.Single(_meters.Values("fusemix.search.shard.duration", "outcome=answered"));
        Assert.Single(_meters.Values("fusemix.search.shard.duration", "outcome=failed"));
    }

    [Fact]
    public async Task A_replica_that_nobody_waits_for_any_more_is_abandoned_whether_it_answers_or_fails()
    {
        using var over = new CancellationTokenSource();
        TaskCompletionSource<int> answers = new(), fails = new();
        var answering = _metrics.MeasureShard("image-00000", () => answers.Task, over.Token);
        var failing = _metrics.MeasureShard("image-00000", () => fails.Task, over.Token);
        await over.CancelAsync();
        Assert.Empty(_meters.Values("fusemix.search.shard.duration"));

        _clock.Advance(TimeSpan.FromSeconds(2));
        answers.SetResult(7);
        fails.SetException(new TimeoutException());
        Assert.Equal(7, await answering);
        await Assert.ThrowsAsync<TimeoutException>(() => failing);
        Assert.Equal([2, 2], _meters.Values("fusemix.search.shard.duration", "outcome=abandoned"));
        Assert.Equal(2, _meters.Values("fusemix.search.shard.duration").Length);
    }

    [Fact]
    public void Hedges_are_counted()
    {
        _metrics.Hedged();
        Assert.Equal(1, _meters.Sum("fusemix.search.hedges"));
    }

    private Task<SearchResponse> Answer(params string[] missing)
    {
        _clock.Advance(TimeSpan.FromMilliseconds(300));
        return Task.FromResult(new SearchResponse("boats", "g1", missing.Length == 0, missing, [], TimeSpan.Zero));
    }
}
