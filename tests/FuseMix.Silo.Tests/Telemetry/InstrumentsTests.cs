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
        var exporter = new PrometheusExporter();
        using var provider = Sdk.CreateMeterProviderBuilder().AddInstruments().AddReader(exporter.ToReader()).Build();
        var pings = orleans.CreateCounter<int>("orleans-messaging-pings-tested");
        var sizes = orleans.CreateHistogram<int>("orleans-messaging-tested-size", "bytes");
        for (var generation = 1; generation <= 3; generation++)
        {
            var address = $"S10.0.0.7:11111:{generation}";
            pings.Add(1, new KeyValuePair<string, object?>("Destination", address));
            sizes.Record(100, new("silo", address), new("MessageDirection", "Request"));
        }

        var page = exporter.Scrape();
        Assert.Contains("\norleans_messaging_pings_tested_total 3\n", page, StringComparison.Ordinal);
        Assert.Contains("\norleans_messaging_tested_size_bytes_count{MessageDirection=\"Request\"} 3\n", page, StringComparison.Ordinal);
    }
}
