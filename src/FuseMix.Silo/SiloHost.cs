using System.Net;
using FuseMix.Contracts.Cluster;
using FuseMix.Grains.Hosting;
using FuseMix.Grains.Nodes;
using FuseMix.Silo.Api;
using FuseMix.Silo.Page;
using FuseMix.Storage;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Orleans;

namespace FuseMix.Silo;

/// <summary>One node of the cluster with its HTTP face: the API under <c>/api/v1</c>, health, and a web page to search with.</summary>
public static class SiloHost
{
    /// <summary>Builds the node; run it with <see cref="WebApplication.RunAsync(string?)"/>.</summary>
    /// <param name="home">Where everything is stored.</param>
    /// <param name="options">What the node is.</param>
    /// <param name="port">TCP port on the loopback interface; 0 for any free one.</param>
    /// <exception cref="FuseMixException">An option is out of range, or the home folder cannot be written to.</exception>
    public static WebApplication Build(FuseMixHome home, NodeOptions options, int port)
    {
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { ApplicationName = "FuseMix" });
        builder.Logging.ClearProviders().AddConsole(console => console.LogToStandardErrorThreshold = LogLevel.Trace);
        builder.Logging.SetMinimumLevel(LogLevel.Warning).AddFilter("FuseMix", LogLevel.Information);
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            // Loopback only: without API keys nobody else may reach the node.
            kestrel.Listen(IPAddress.Loopback, port);
            kestrel.Limits.MaxRequestBodySize = SearchApi.MaxBody;
            kestrel.AddServerHeader = false;
        });
        builder.Services.AddProblemDetails(problems => problems.CustomizeProblemDetails = Problems.Complete).AddExceptionHandler<Problems>();
        builder.AddFuseMixNode(home, options);

        var app = builder.Build();
        app.UseExceptionHandler();
        app.UseStatusCodePages();
        app.Use(BrowserSafety.Apply);
        SearchApi.Map(app);
        MapHealth(app);
        PageFiles.Map(app);
        return app;
    }

    private static void MapHealth(IEndpointRouteBuilder routes)
    {
        string[] reading = [HttpMethods.Get, HttpMethods.Head];
        routes.MapMethods("/health/live", reading, () => Results.Text("live"));
        routes.MapMethods("/health/ready", reading, async (IGrainFactory grains, NodeOptions self) =>
        {
            // That a grain answers shows that the node takes part in the cluster.
            var status = await grains.GetGrain<IClusterGrain>(0).Status();
            return status.Nodes.Any(node => node.Name == self.Name && node.State == "Active")
                ? Results.Text("ready")
                : throw new FuseMixException(FailureKind.Unavailable, $"Node '{self.Name}' is not active in the cluster.", "Wait for it.");
        });
    }
}
