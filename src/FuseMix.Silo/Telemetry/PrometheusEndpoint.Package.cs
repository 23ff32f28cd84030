using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;
using OpenTelemetry.Metrics;

namespace FuseMix.Silo.Telemetry;

/// <summary>Where Prometheus scrapes, by OpenTelemetry's own exporter; it also speaks OpenMetrics with those who ask for it.</summary>
internal static class PrometheusEndpoint
{
    public static MeterProviderBuilder AddPrometheus(this MeterProviderBuilder metrics, PrometheusExporter _) =>
        metrics.AddPrometheusExporter(options => options.ScopeInfoEnabled = false);

    public static IEndpointConventionBuilder Map(IEndpointRouteBuilder routes, string address, MeterProvider metrics) =>
        routes.MapPrometheusScrapingEndpoint(address, metrics, configureBranchedPipeline: null, optionsName: null);
}
