using FuseMix.Grains.Collections;
using FuseMix.Testing;

namespace FuseMix.Grains.Tests.Collections;

public sealed class IndexMetricsTests
{
    [Fact]
    public void Shards_and_items_are_those_that_are_open_now()
    {
        using var meters = new MeterBook();
        var metrics = new IndexMetrics(meters);
        Assert.Equal((0, 0), (meters.Look("fusemix.index.shards"), meters.Look("fusemix.index.items")));
        metrics.Opened(100);
        metrics.Opened(20);
        Assert.Equal((2, 120), (meters.Look("fusemix.index.shards"), meters.Look("fusemix.index.items")));
        metrics.Closed(100);
        Assert.Equal((1, 20), (meters.Look("fusemix.index.shards"), meters.Look("fusemix.index.items")));
    }

    [Fact]
    public void Moves_are_counted()
    {
        using var meters = new MeterBook();
        new IndexMetrics(meters).Moved();
        Assert.Equal(1, meters.Sum("fusemix.index.moves"));
    }
}
