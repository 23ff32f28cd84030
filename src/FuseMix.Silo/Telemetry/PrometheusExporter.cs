using System.Text;
using OpenTelemetry;
using OpenTelemetry.Metrics;

namespace FuseMix.Silo.Telemetry;

/// <summary>Answers scrapes of Prometheus, for feeds that lack OpenTelemetry's own exporter: the same series by the same names.</summary>
[ExportModes(ExportModes.Pull)]
internal sealed class PrometheusExporter : BaseExporter<Metric>, IPullMetricExporter
{
    /// <summary>What <see cref="Scrape"/> gives: text format 0.0.4.</summary>
    public const string ContentType = "text/plain; version=0.0.4; charset=utf-8";

    private readonly Lock _gate = new();
    private readonly StringBuilder _page = new();

    /// <inheritdoc/>
    public Func<int, bool>? Collect { get; set; }

    /// <summary>What a meter provider takes.</summary>
    public MetricReader ToReader() => new BaseExportingMetricReader(this) { TemporalityPreference = MetricReaderTemporalityPreference.Cumulative };

    /// <summary>Every series as it is now. Blocks while another scrape is under way.</summary>
    /// <exception cref="InvalidOperationException">The instruments could not be read.</exception>
    public string Scrape()
    {
        lock (_gate)
        {
            _page.Clear();
            if (Collect?.Invoke(Timeout.Infinite) != true) throw new InvalidOperationException("The instruments could not be read.");
            return _page.ToString();
        }
    }

    /// <inheritdoc/>
    public override ExportResult Export(in Batch<Metric> batch)
    {
        PrometheusText.Write(_page, ParentProvider.GetResource(), batch);
        return ExportResult.Success;
    }
}
