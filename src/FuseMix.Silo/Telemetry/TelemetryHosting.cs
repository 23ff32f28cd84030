using System.Diagnostics;
using System.Globalization;
using FuseMix.Grains.Cluster;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;
using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Logs;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace FuseMix.Silo.Telemetry;

/// <summary>What a node tells of itself: metrics to Prometheus at <see cref="MetricsAddress"/>, and metrics, traces and logs to whoever the
/// standard variables of OpenTelemetry name.</summary>
internal static class TelemetryHosting
{
    /// <summary>Where Prometheus scrapes.</summary>
    public const string MetricsAddress = "/metrics";

    private static readonly string[] Meters =
    [
        "FuseMix.*",
        "Microsoft.AspNetCore.Hosting",
        "Microsoft.AspNetCore.RateLimiting",
        "Microsoft.AspNetCore.Server.Kestrel",
        "Microsoft.Orleans",
        "System.Runtime",
    ];

    private static readonly string[] Spans = ["FuseMix.*", "Microsoft.AspNetCore", "Microsoft.Orleans.Application"];

    /// <summary>Adds it.</summary>
    /// <param name="builder">The node, its configuration complete.</param>
    /// <param name="node">What the node is.</param>
    /// <param name="variables">OpenTelemetry's variables (<c>OTEL_…</c>); null for those of the environment.</param>
    public static void AddFuseMixTelemetry(this WebApplicationBuilder builder, NodeOptions node, IConfiguration? variables = null)
    {
        variables ??= new ConfigurationBuilder().AddEnvironmentVariables().Build();
        builder.Configuration.AddInMemoryCollection(
            variables.AsEnumerable().Where(variable => variable.Key.StartsWith("OTEL_", StringComparison.OrdinalIgnoreCase)));

        // The host has chosen its formatter in code, which would win over what the configuration says.
        builder.Services.Configure<ConsoleLoggerOptions>(builder.Configuration.GetSection("Logging:Console"));

        builder.Services.AddSingleton(_ => Metrics(node, variables));
        if (Exports(variables, "TRACES")) builder.Services.AddSingleton(_ => Traces(node, variables));
        if (!Exports(variables, "LOGS")) return;
        builder.Logging.AddOpenTelemetry(logs =>
        {
            logs.IncludeFormattedMessage = logs.IncludeScopes = true;
            logs.SetResourceBuilder(Describe(ResourceBuilder.CreateEmpty(), node)).AddOtlpExporter(
                options => PointAt(options, variables, "LOGS"));
        });
    }

    /// <summary>Maps <see cref="MetricsAddress"/>, and begins to measure.</summary>
    /// <returns>The endpoint, to say who may read it.</returns>
    public static IEndpointConventionBuilder MapFuseMixTelemetry(this WebApplication app)
    {
        _ = app.Services.GetService<TracerProvider>();
        return app.MapPrometheusScrapingEndpoint(
            MetricsAddress, app.Services.GetRequiredService<MeterProvider>(), configureBranchedPipeline: null, optionsName: null).Unseen();
    }

    /// <summary>Keeps requests that machines send every few seconds out of the figures and traces of those that users send.</summary>
    public static T Unseen<T>(this T endpoint)
        where T : IEndpointConventionBuilder
    {
        endpoint.DisableHttpMetrics();
        endpoint.Add(built =>
        {
            if (built.RequestDelegate is not { } answer) return;
            built.RequestDelegate = context =>
            {
                if (Activity.Current is { } span) span.ActivityTraceFlags &= ~ActivityTraceFlags.Recorded;
                return answer(context);
            };
        });
        return endpoint;
    }

    /// <summary>Adds what is measured, with labels of which each has few values.</summary>
    internal static MeterProviderBuilder AddInstruments(this MeterProviderBuilder metrics) => metrics.AddMeter(Meters).AddView(instrument =>

        // Orleans labels messages with the other node's address, which is another one whenever a node starts.
        instrument.Meter.Name == "Microsoft.Orleans"
        && instrument.Name.StartsWith("orleans-messaging-", StringComparison.Ordinal)
        && !instrument.IsObservable
            ? new MetricStreamConfiguration { TagKeys = ["ConnectionDirection", "Direction", "MessageDirection", "Phase"] }
            : null);

    private static MeterProvider Metrics(NodeOptions node, IConfiguration variables)
    {
        var metrics = Sdk.CreateMeterProviderBuilder()
            .ConfigureServices(own => own.AddSingleton(variables))
            .ConfigureResource(resource => Describe(resource, node))
            .AddInstruments()
            .AddPrometheusExporter(options => options.ScopeInfoEnabled = false);
        if (Exports(variables, "METRICS")) metrics.AddOtlpExporter(options => PointAt(options, variables, "METRICS"));
        return metrics.Build();
    }

    private static TracerProvider Traces(NodeOptions node, IConfiguration variables)
    {
        var traces = Sdk.CreateTracerProviderBuilder()
            .ConfigureServices(own => own.AddSingleton(variables))
            .ConfigureResource(resource => Describe(resource, node))
            .AddSource(Spans)
            .AddOtlpExporter(options => PointAt(options, variables, "TRACES"));

        // A sampler that is set in code would win over the variable.
        if (string.IsNullOrEmpty(variables["OTEL_TRACES_SAMPLER"])) traces.SetSampler(new ParentBasedSampler(new RequestedSampler()));
        return traces.Build();
    }

    /// <summary>What the variables say wins over what the node says of itself.</summary>
    private static ResourceBuilder Describe(ResourceBuilder resource, NodeOptions node) => resource
        .Clear()
        .AddService(
            "fusemix", serviceVersion: typeof(TelemetryHosting).Assembly.GetName().Version?.ToString(3), serviceInstanceId: node.Name)
        .AddTelemetrySdk()
        .AddEnvironmentVariableDetector();

    /// <summary>Whether a signal is to be sent: somebody is named to receive it, and it is not switched off.</summary>
    private static bool Exports(IConfiguration variables, string signal) =>
        (variables[$"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT"] ?? variables["OTEL_EXPORTER_OTLP_ENDPOINT"]) is { Length: > 0 }
        && !"none".Equals(variables[$"OTEL_{signal}_EXPORTER"], StringComparison.OrdinalIgnoreCase);

    /// <summary>The variables of all signals the exporter knows by itself; those of one signal win over them.</summary>
    private static void PointAt(OtlpExporterOptions options, IConfiguration variables, string signal)
    {
        // The endpoint of one signal is the whole address, that of all of them only its beginning.
        if (Of("ENDPOINT") is { } endpoint) options.Endpoint = new Uri(endpoint);
        if (Of("HEADERS") is { } headers) options.Headers = headers;
        if (int.TryParse(Of("TIMEOUT"), NumberStyles.None, CultureInfo.InvariantCulture, out var time)) options.TimeoutMilliseconds = time;
        options.Protocol = Of("PROTOCOL") switch
        {
            "grpc" => OtlpExportProtocol.Grpc,
            "http/protobuf" => OtlpExportProtocol.HttpProtobuf,
            _ => options.Protocol,
        };

        string? Of(string what) => variables[$"OTEL_EXPORTER_OTLP_{signal}_{what}"] is { Length: > 0 } value ? value : null;
    }
}
