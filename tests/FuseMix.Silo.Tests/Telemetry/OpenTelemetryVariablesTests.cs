using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Text;
using FuseMix.Grains.Cluster;
using FuseMix.Silo.Telemetry;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace FuseMix.Silo.Tests.Telemetry;

public sealed class OpenTelemetryVariablesTests
{
    [Theory]
    [InlineData("OTEL_EXPORTER_OTLP_ENDPOINT", "", "/v1/logs", "/v1/metrics", "/v1/traces")]
    [InlineData("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "/custom", "/custom")]
    [InlineData("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "/custom", "/custom")]
    public async Task The_standard_variables_name_who_is_told(string variable, string path, params string[] expected)
    {
        await using var collector = await Collector.Start();
        await Run(collector, (variable, $"{collector.Url}{path}"));
        Assert.Equal(expected, collector.Received.Keys.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task What_is_sent_says_who_sends_it_and_variables_win()
    {
        await using var collector = await Collector.Start();
        var source = await Run(
            collector,
            ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.Url),
            ("OTEL_LOGS_EXPORTER", "none"),
            ("OTEL_SERVICE_NAME", "other-service"),
            ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment=rehearsal"));
        Assert.Equal(["/v1/metrics", "/v1/traces"], collector.Received.Keys.Order(StringComparer.Ordinal));
        foreach (var text in collector.Received.Values)
        {
            Assert.Contains(source, text, StringComparison.Ordinal);
            foreach (var word in (string[])["other-service", "rehearsal", "service.instance.id", "node-7"])
                Assert.Contains(word, text, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Without_the_variables_nothing_is_sent_and_no_spans_are_made()
    {
        await using var collector = await Collector.Start();
        await Run(collector, ("OTEL_SERVICE_NAME", "fusemix"));
        Assert.Empty(collector.Received);
    }

    /// <summary>A host with nothing but telemetry, which measures, traces and logs one thing each; gives the name of its meter and
    /// source.</summary>
    private static async Task<string> Run(Collector collector, params (string Name, string Value)[] variables)
    {
        var name = $"FuseMix.Tests.{Guid.NewGuid():N}";
        using var meter = new Meter(name);
        using var source = new ActivitySource(name);
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Logging.ClearProviders();
        var settings = variables.Append(("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")).Select(
            v => KeyValuePair.Create(v.Item1, (string?)v.Item2));
        builder.AddFuseMixTelemetry(
            new NodeOptions { Name = "node-7" }, new ConfigurationBuilder().AddInMemoryCollection(settings).Build());
        await using (var app = builder.Build())
        {
            app.MapFuseMixTelemetry();
            await app.StartAsync();
            meter.CreateCounter<long>("calls").Add(1);
            using (source.StartActivity("span")) app.Logger.LogWarning("A line.");
            await app.StopAsync();
        }

        return name;
    }

    /// <summary>Somebody who receives OTLP by HTTP, and remembers what came to which path.</summary>
    private sealed class Collector(WebApplication app) : IAsyncDisposable
    {
        public ConcurrentDictionary<string, string> Received { get; } = new(StringComparer.Ordinal);

        public string Url => app.Urls.Single();

        public static async Task<Collector> Start()
        {
            var builder = WebApplication.CreateSlimBuilder();
            builder.WebHost.UseUrls("http://127.0.0.1:0");
            builder.Logging.ClearProviders();
            var app = builder.Build();
            var collector = new Collector(app);
            app.MapPost("/{**path}", async (HttpRequest request) =>
            {
                using var body = new MemoryStream();
                await request.Body.CopyToAsync(body);
                collector.Received.AddOrUpdate(request.Path, _ => Text(), (_, before) => before + Text());
                string Text() => Encoding.Latin1.GetString(body.ToArray());
            });
            await app.StartAsync();
            return collector;
        }

        public ValueTask DisposeAsync() => app.DisposeAsync();
    }
}
