using System.Globalization;
using System.Text;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;

namespace FuseMix.Silo.Telemetry;

/// <summary>Writes metrics in Prometheus' text format 0.0.4, by OpenTelemetry's rules for it
/// (https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/).</summary>
internal static class PrometheusText
{
    /// <summary>Appends <c>target_info</c> and every series. Exponential histograms, which the format has no place for, are left out.</summary>
    public static void Write(StringBuilder page, Resource resource, in Batch<Metric> metrics)
    {
        page.Append("# TYPE target_info gauge\n# HELP target_info Target metadata\n");
        Series(page, "target_info", Labels(resource.Attributes), "1");

        // The series of a name stand together; a second meaning of a name that is taken is left out, as the format allows one only.
        var families = new Dictionary<string, List<Metric>>(StringComparer.Ordinal);
        foreach (var metric in metrics)
        {
            if (TypeOf(metric) is not { } type) continue;
            var name = PrometheusName.Of(metric.Name, metric.Unit, isCounter: type == "counter");
            if (!families.TryGetValue(name, out var family)) families.Add(name, family = []);
            if (family.Count == 0 || TypeOf(family[0]) == type) family.Add(metric);
        }

        foreach (var (name, family) in families)
        {
            page.Append(CultureInfo.InvariantCulture, $"# TYPE {name} {TypeOf(family[0])}\n");
            if (family[0].Description is { Length: > 0 } help)
                page.Append(CultureInfo.InvariantCulture, $"# HELP {name} {Escaped(help, quotes: false)}\n");
            foreach (var metric in family) Points(page, name, metric);
        }
    }

    private static string? TypeOf(Metric metric) => metric.MetricType switch
    {
        MetricType.LongSum or MetricType.DoubleSum => "counter",
        MetricType.LongSumNonMonotonic or MetricType.DoubleSumNonMonotonic or MetricType.LongGauge or MetricType.DoubleGauge => "gauge",
        MetricType.Histogram => "histogram",
        _ => null,
    };

    private static void Points(StringBuilder page, string name, Metric metric)
    {
        foreach (ref readonly var point in metric.GetMetricPoints())
        {
            var labels = Labels(point.Tags);
            if (metric.MetricType == MetricType.Histogram) Histogram(page, name, labels, in point);
            else Series(page, name, labels, Value(metric.MetricType, in point));
        }
    }

    private static void Histogram(StringBuilder page, string name, string labels, in MetricPoint point)
    {
        // Ours count each bucket by itself, Prometheus' everything up to its bound.
        var count = 0L;
        foreach (var bucket in point.GetHistogramBuckets())
        {
            count += bucket.BucketCount;
            Series(page, $"{name}_bucket", $"{labels}{(labels.Length == 0 ? "" : ",")}le=\"{Number(bucket.ExplicitBound)}\"", Number(count));
        }

        Series(page, $"{name}_sum", labels, Number(point.GetHistogramSum()));
        Series(page, $"{name}_count", labels, Number(point.GetHistogramCount()));
    }

    private static string Value(MetricType type, in MetricPoint point) => type switch
    {
        MetricType.LongSum or MetricType.LongSumNonMonotonic => Number(point.GetSumLong()),
        MetricType.DoubleSum or MetricType.DoubleSumNonMonotonic => Number(point.GetSumDouble()),
        MetricType.LongGauge => Number(point.GetGaugeLastValueLong()),
        _ => Number(point.GetGaugeLastValueDouble()),
    };

    private static void Series(StringBuilder page, string name, string labels, string value)
    {
        page.Append(name);
        if (labels.Length > 0) page.Append('{').Append(labels).Append('}');
        page.Append(' ').Append(value).Append('\n');
    }

    private static string Labels(ReadOnlyTagCollection tags)
    {
        var pairs = new List<KeyValuePair<string, object?>>(tags.Count);
        foreach (var tag in tags) pairs.Add(tag);
        return Labels(pairs!);
    }

    private static string Labels(IEnumerable<KeyValuePair<string, object>> pairs)
    {
        // Names that differ only in what Prometheus' names cannot hold become one, with all their values.
        var labels = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var (key, value) in pairs)
        {
            var (name, text) = (PrometheusName.OfLabel(key), Text(value));
            labels[name] = labels.TryGetValue(name, out var other) ? $"{other};{text}" : text;
        }

        return string.Join(',', labels.Select(label => $"{label.Key}=\"{Escaped(label.Value, quotes: true)}\""));
    }

    private static string Text(object? value) => value switch
    {
        bool flag => flag ? "true" : "false",
        double number => Number(number),
        IFormattable formattable => formattable.ToString(null, CultureInfo.InvariantCulture),
        _ => value?.ToString() ?? "",
    };

    private static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);

    private static string Number(double value) => value switch
    {
        double.PositiveInfinity => "+Inf",
        double.NegativeInfinity => "-Inf",
        _ => value.ToString(CultureInfo.InvariantCulture),
    };

    private static string Escaped(string text, bool quotes)
    {
        var escaped = text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal);
        return quotes ? escaped.Replace("\"", "\\\"", StringComparison.Ordinal) : escaped;
    }
}
