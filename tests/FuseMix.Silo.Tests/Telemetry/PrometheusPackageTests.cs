using System.Diagnostics.Metrics;
using FuseMix.Silo.Telemetry;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;

namespace FuseMix.Silo.Tests.Telemetry;

/// <summary>Our exporter against OpenTelemetry's, which it stands in for: both read the same instruments.</summary>
public sealed class PrometheusPackageTests
{
    [Fact]
    public async Task Both_exporters_write_the_same_series_with_the_same_values()
    {
        using var meter = new Meter($"FuseMix.Tests.{Guid.NewGuid():N}");
        var own = new PrometheusExporter();
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        await using var app = builder.Build();
        using var provider = Sdk.CreateMeterProviderBuilder()
            .ConfigureResource(resource => resource.Clear().AddService("fusemix", serviceInstanceId: "one"))
            .AddMeter(meter.Name)
            .AddReader(own.ToReader())
            .AddPrometheusExporter(options =>
            {
                options.ScopeInfoEnabled = false;
                options.ScrapeResponseCacheDurationMilliseconds = 0;
            })
            .Build();
        app.MapPrometheusScrapingEndpoint("/metrics", provider, configureBranchedPipeline: null, optionsName: null);
        await app.StartAsync(TestContext.Current.CancellationToken);
        using var client = new HttpClient { BaseAddress = new Uri(app.Urls.Single()) };

        Measure(meter);
        var theirs = Sorted(await client.GetStringAsync("/metrics", TestContext.Current.CancellationToken));
        Assert.True(theirs.Length > 200, $"Only {theirs.Length} lines were compared.");
        Assert.Equal(theirs, Sorted(own.Scrape()));
    }

    /// <summary>Every kind of instrument with every kind of name, unit and label that we know of.</summary>
    private static void Measure(Meter meter)
    {
        KeyValuePair<string, object?>[] labels =
        [
            new("outcome", "failed"), new("http.route", "/api/{name}"), new("ok", true), new("n", 3), new("x", 0.1), new("quote", "a\\b \"c\"\nd"), new("1st", "x"),
        ];
        string[] names =
            ["plain", "dotted.name", "dashed-name", "slash/name", "ends.in.seconds", "ends.in.total", "ends_in_bytes_total", "doubled..dots__and"];
        string?[] units = [null, "s", "By", "{item}", "1", "ms", "{item}/s", "By/s", "# RU", "%"];
        for (var i = 0; i < units.Length; i++)
        {
            // A name alone decides what it means to Prometheus, so each kind and unit has its own.
            foreach (var name in names)
            {
                meter.CreateCounter<long>($"c{i}.{name}", units[i], "A counter.").Add(2, labels);
                meter.CreateGauge<double>($"g{i}.{name}", units[i], "A gauge\nof two lines.").Record(0.1, labels);
                meter.CreateUpDownCounter<int>($"u{i}.{name}", units[i]).Add(-5);
            }
        }

        var buckets = new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.00025, 0.1, 1, 1800] };
        var histogram = meter.CreateHistogram("time", "s", "A \\ histogram.", tags: null, buckets);
        foreach (var value in (double[])[0.0001, 0.1, 0.3, 1e6]) histogram.Record(value, labels);
        histogram.Record(1);
        meter.CreateHistogram<long>("defaults").Record(100);
        meter.CreateCounter<double>("fractions").Add(1.0 / 3);
        var odd = meter.CreateGauge<double>("odd");
        foreach (var value in (double[])[double.NaN, double.PositiveInfinity, double.NegativeInfinity, 1e21, 1e-9])
            odd.Record(value, new KeyValuePair<string, object?>("value", value.ToString("R", System.Globalization.CultureInfo.InvariantCulture)));
    }

    /// <summary>Lines without regard to their order, nor to that of the labels in each.</summary>
    private static string[] Sorted(string page) =>
        [.. page.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(Line).Order(StringComparer.Ordinal)];

    private static string Line(string line)
    {
        // Theirs writes braces where there are no labels.
        line = line.Replace("{}", "", StringComparison.Ordinal);
        if (line.StartsWith('#') || line.IndexOf('{', StringComparison.Ordinal) is var open && open < 0) return line;
        var close = line.LastIndexOf('}');
        var labels = line[(open + 1)..close].Split("\",").Select(label => label.TrimEnd('"')).Order(StringComparer.Ordinal);
        return $"{line[..open]}{{{string.Join(',', labels)}}}{line[(close + 1)..]}";
    }
}
