using System.Diagnostics.Metrics;
using FuseMix.Silo.Telemetry;
using OpenTelemetry;
using OpenTelemetry.Metrics;

namespace FuseMix.Silo.Tests.Telemetry;

public sealed class InstrumentsTests
{
    [Fact]
    public void Addresses_of_nodes_are_no_labels()
    {
        using var orleans = new Meter("Microsoft.Orleans");
        var series = new Series();
        using var reader = new BaseExportingMetricReader(series);
        using var provider = Sdk.CreateMeterProviderBuilder().AddInstruments().AddReader(reader).Build();
        var pings = orleans.CreateCounter<int>("orleans-messaging-pings-tested");
        var sizes = orleans.CreateHistogram<int>("orleans-messaging-tested-size", "bytes");
        for (var generation = 1; generation <= 3; generation++)
        {
            var address = $"S10.0.0.7:11111:{generation}";
            pings.Add(1, new KeyValuePair<string, object?>("Destination", address));
            sizes.Record(100, new("silo", address), new("MessageDirection", "Request"));
        }

        Assert.True(reader.Collect());
        Assert.Equal(["orleans-messaging-pings-tested{} 3"], series.Of("orleans-messaging-pings-tested"));
        Assert.Equal(["orleans-messaging-tested-size{MessageDirection=Request} 3"], series.Of("orleans-messaging-tested-size"));
    }

    /// <summary>A line for each series of an instrument: its labels, and how much or how often was counted.</summary>
    private sealed class Series : BaseExporter<Metric>
    {
        private readonly List<(string Instrument, string Line)> _lines = [];

        public IEnumerable<string> Of(string instrument) => _lines.Where(line => line.Instrument == instrument).Select(line => line.Line);

        public override ExportResult Export(in Batch<Metric> batch)
        {
            foreach (var metric in batch)
            {
                foreach (ref readonly var point in metric.GetMetricPoints())
                {
                    var labels = new List<string>();
                    foreach (var (key, value) in point.Tags) labels.Add($"{key}={value}");
                    if (metric.MetricType is not (MetricType.LongSum or MetricType.Histogram)) continue;
                    var counted = metric.MetricType == MetricType.Histogram ? point.GetHistogramCount() : point.GetSumLong();
                    _lines.Add((metric.Name, $"{metric.Name}{{{string.Join(',', labels)}}} {counted}"));
                }
            }

            return ExportResult.Success;
        }
    }
}
