using System.Diagnostics.Metrics;
using FuseMix.Silo.Telemetry;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;

namespace FuseMix.Silo.Tests.Telemetry;

public sealed class PrometheusExporterTests : IDisposable
{
    private readonly Meter _meter = new($"FuseMix.Tests.{Guid.NewGuid():N}");
    private readonly PrometheusExporter _exporter = new();
    private readonly MeterProvider _provider;

    public PrometheusExporterTests() => _provider = Sdk.CreateMeterProviderBuilder()
        .ConfigureResource(resource => resource.Clear().AddAttributes([new("service.name", "fusemix"), new("service.instance.id", "a \"quoted\" name")]))
        .AddMeter(_meter.Name)
        .AddReader(_exporter.ToReader())
        .Build();

    public void Dispose()
    {
        _provider.Dispose();
        _meter.Dispose();
    }

    [Fact]
    public void Every_kind_of_instrument_is_written()
    {
        var counter = _meter.CreateCounter<long>("calls", "{call}", "Calls that were made.");
        counter.Add(2, new KeyValuePair<string, object?>("outcome", "failed"));
        counter.Add(3, new KeyValuePair<string, object?>("outcome", "failed"));
        _meter.CreateCounter<double>("work", "s").Add(0.25);
        _meter.CreateUpDownCounter<int>("open").Add(-2);
        _meter.CreateGauge<double>("loss").Record(1.5);
        _meter.CreateObservableGauge("depth", () => 7, description: "How deep.");
        Assert.Equal(
            """
            # TYPE target_info gauge
            # HELP target_info Target metadata
            target_info{service_instance_id="a \"quoted\" name",service_name="fusemix"} 1
            # TYPE calls_total counter
            # HELP calls_total Calls that were made.
            calls_total{outcome="failed"} 5
            # TYPE work_seconds_total counter
            work_seconds_total 0.25
            # TYPE open gauge
            open -2
            # TYPE loss gauge
            loss 1.5
            # TYPE depth gauge
            # HELP depth How deep.
            depth 7

            """,
            _exporter.Scrape());
    }

    [Fact]
    public void The_buckets_of_a_histogram_count_all_up_to_their_bound()
    {
        var histogram = _meter.CreateHistogram(
            "time", "s", null, tags: null, new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.005, 0.5, 10] });
        foreach (var seconds in (double[])[0.001, 0.005, 0.25, 3, 30, 31]) histogram.Record(seconds, new KeyValuePair<string, object?>("ok", true));
        Assert.Equal(
            """
            # TYPE time_seconds histogram
            time_seconds_bucket{ok="true",le="0.005"} 2
            time_seconds_bucket{ok="true",le="0.5"} 3
            time_seconds_bucket{ok="true",le="10"} 4
            time_seconds_bucket{ok="true",le="+Inf"} 6
            time_seconds_sum{ok="true"} 64.256
            time_seconds_count{ok="true"} 6

            """,
            Without("target_info"));
    }

    [Fact]
    public void Texts_are_escaped_and_numbers_are_those_of_Prometheus()
    {
        var gauge = _meter.CreateGauge<double>("odd", description: "Back\\slash, \"quotes\"\nand a new line.");
        gauge.Record(double.NaN, new KeyValuePair<string, object?>("text", "a\\b \"c\"\nd"));
        gauge.Record(double.NegativeInfinity, new KeyValuePair<string, object?>("text", null));
        gauge.Record(1e-7, new("a.b", 1.5), new("a:b", 2));
        Assert.Equal(
            """
            # TYPE odd gauge
            # HELP odd Back\\slash, "quotes"\nand a new line.
            odd{text="a\\b \"c\"\nd"} NaN
            odd{text=""} -Inf
            odd{a_b="1.5;2"} 1E-07

            """,
            Without("target_info"));
    }

    [Fact]
    public void A_name_has_one_type_and_its_series_stand_together()
    {
        using var other = new Meter($"{_meter.Name}.Other");
        using var provider = Sdk.CreateMeterProviderBuilder().AddMeter(_meter.Name, other.Name).AddReader(_exporter.ToReader()).Build();
        _meter.CreateUpDownCounter<long>("twice").Add(1);
        _meter.CreateUpDownCounter<long>("between").Add(2);
        other.CreateGauge<double>("twice").Record(3, new KeyValuePair<string, object?>("from", "other"));
        other.CreateHistogram<double>("between").Record(4);
        Assert.Equal(
            """
            # TYPE twice gauge
            twice 1
            twice{from="other"} 3
            # TYPE between gauge
            between 2

            """,
            Without("target_info"));
    }

    [Fact]
    public void Each_scrape_is_whole_and_says_how_things_are_then()
    {
        var counter = _meter.CreateCounter<long>("calls");
        counter.Add(1);
        Assert.EndsWith("\ncalls_total 1\n", _exporter.Scrape(), StringComparison.Ordinal);
        counter.Add(1);
        Assert.EndsWith("\ncalls_total 2\n", _exporter.Scrape(), StringComparison.Ordinal);
        Parallel.For(0, 32, _ => Assert.EndsWith("\ncalls_total 2\n", _exporter.Scrape(), StringComparison.Ordinal));
    }

    private string Without(string family)
    {
        var lines = _exporter.Scrape().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        return string.Concat(lines.Where(line => !line.Contains(family, StringComparison.Ordinal)).Select(line => $"{line}\n"));
    }
}
