using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using OpenTelemetry.Metrics;

namespace FuseMix.Silo.Telemetry;

/// <summary>Where Prometheus scrapes, by our own exporter.</summary>
internal static class PrometheusEndpoint
{
    public static MeterProviderBuilder AddPrometheus(this MeterProviderBuilder metrics, PrometheusExporter exporter) =>
        metrics.AddReader(exporter.ToReader());

    public static IEndpointConventionBuilder Map(IEndpointRouteBuilder routes, string address, MeterProvider _) => routes.MapMethods(
        address,
        [HttpMethods.Get, HttpMethods.Head],
        (PrometheusExporter exporter) => Results.Text(exporter.Scrape(), PrometheusExporter.ContentType));
}
