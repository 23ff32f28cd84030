using FuseMix.Contracts.Extraction;
using FuseMix.Grains.Extraction;
using FuseMix.Testing;

namespace FuseMix.Grains.Tests.Extraction;

public sealed class ExtractionMetricsTests : IDisposable
{
    private static readonly ExtractionRequest Request = new("boats", "tiny-text");

    private readonly MeterBook _meters = new();
    private readonly ManualTimeProvider _clock = new();
    private readonly ExtractionMetrics _metrics;

    public ExtractionMetricsTests() => _metrics = new ExtractionMetrics(_meters, _clock);

    public void Dispose() => _meters.Dispose();

    [Fact]
    public void A_shard_that_was_committed_counts_with_its_time()
    {
        var outcome = new ShardOutcome(3, 8, 1, null);
        Assert.Same(outcome, _metrics.Measure(Request, 3, () =>
        {
            _clock.Advance(TimeSpan.FromSeconds(4));
            return outcome;
        }));
        Assert.Equal([4], _meters.Values("fusemix.extraction.shard.duration"));
        Assert.Equal((1, 1), (_meters.Sum("fusemix.extraction.shards", "outcome=committed"), _meters.Sum("fusemix.extraction.shards")));
    }

    [Fact]
    public void A_shard_that_failed_or_was_dropped_counts_as_that_and_has_no_time()
    {
        Assert.Throws<IOException>(() => _metrics.Measure(Request, 3, () => throw new IOException()));
        Assert.Throws<OperationCanceledException>(() => _metrics.Measure(Request, 3, () => throw new OperationCanceledException()));
        Assert.Equal(1, _meters.Sum("fusemix.extraction.shards", "outcome=failed"));
        Assert.Equal(1, _meters.Sum("fusemix.extraction.shards", "outcome=dropped"));
        Assert.Equal(0, _meters.Sum("fusemix.extraction.shards", "outcome=committed"));
        Assert.Empty(_meters.Values("fusemix.extraction.shard.duration"));
    }

    [Fact]
    public void Items_count_by_modality_and_by_whether_they_could_be_encoded()
    {
        _metrics.Items(Modality.Image, 62, 2);
        _metrics.Items(Modality.Text, 64, 0);
        Assert.Equal(62, _meters.Sum("fusemix.extraction.items", "modality=image", "outcome=encoded"));
        Assert.Equal(2, _meters.Sum("fusemix.extraction.items", "modality=image", "outcome=failed"));
        Assert.Equal(64, _meters.Sum("fusemix.extraction.items", "modality=text", "outcome=encoded"));
        Assert.Equal(128, _meters.Sum("fusemix.extraction.items"));
    }

    [Fact]
    public void A_job_runs_until_it_is_said_to_be_over_and_that_counts_once()
    {
        var first = _metrics.JobRuns();
        using var second = _metrics.JobRuns();
        Assert.Equal(2, _meters.Look("fusemix.extraction.jobs"));
        first.Dispose();
        first.Dispose();
        Assert.Equal(1, _meters.Look("fusemix.extraction.jobs"));
    }

    [Fact]
    public void Expired_leases_are_counted()
    {
        _metrics.LeaseExpired();
        Assert.Equal(1, _meters.Sum("fusemix.extraction.leases.expired"));
    }
}
