using FuseMix.Contracts.Cluster;
using FuseMix.Grains.Hosting;
using FuseMix.Grains.Nodes;
using FuseMix.Silo.Api;
using FuseMix.Silo.Clustering;
using FuseMix.Silo.Configuration;
using FuseMix.Silo.Page;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans;

namespace FuseMix.Silo;

/// <summary>One node of the cluster with its HTTP face: the API under <c>/api/v1</c>, health, and a web page to search with.</summary>
public static class SiloHost
{
    /// <summary>Builds the node; run it with <see cref="WebApplication.RunAsync(string?)"/>.</summary>
    /// <param name="configuration">All that can be said to it.</param>
    /// <exception cref="FuseMixException">The configuration asks for what this build cannot do, or the home folder cannot be written to.</exception>
    public static WebApplication Build(SiloConfiguration configuration)
    {
        SiloClustering.RequireSupported(configuration);
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { ApplicationName = "FuseMix" });

        // The configuration was read and checked; no file that happens to lie in the current folder adds to it.
        builder.Configuration.Sources.Clear();
        builder.Configuration.AddInMemoryCollection(configuration.Logging);
        builder.Logging.ClearProviders().AddConsole(console => console.LogToStandardErrorThreshold = LogLevel.Trace);
        builder.Logging.SetMinimumLevel(LogLevel.Warning).AddFilter("FuseMix", LogLevel.Information);

        // Whoever is gone is told about with a stack for each attempt to reach him; that he is given up stands in the membership's own lines.
        foreach (var chatter in (string[])["Messaging", "MembershipService.SiloHealthMonitor", "Watchdog", "Silo"])
            builder.Logging.AddFilter($"Orleans.Runtime.{chatter}", LogLevel.Error);
        builder.Logging.AddFilter("Orleans.Runtime.MembershipService.MembershipTableManager", LogLevel.Information);
        builder.Logging.AddConfiguration(builder.Configuration.GetSection("Logging"));
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = configuration.Shutdown.Timeout);
        builder.Services.AddSingleton(configuration.Shutdown);
        builder.Services.AddSingleton<Leaving>().AddHostedService(services => services.GetRequiredService<Leaving>());
        builder.AddFuseMixApi(configuration.Http);
        builder.UseOrleans(silo =>
        {
            SiloClustering.Configure(silo, configuration);
            silo.AddFuseMix(configuration.ResolveHome(), configuration.Node, state => SiloClustering.AddState(state, configuration));
        });

        var app = builder.Build();
        app.Use(app.Services.GetRequiredService<Leaving>().Track);
        app.UseFuseMixSecurity();
        app.MapFuseMixApi();
        MapHealth(app);
        PageFiles.Map(app);
        return app;
    }

    private static void MapHealth(IEndpointRouteBuilder routes)
    {
        var health = routes.MapGroup("/health").AllowAnonymous().DisableRateLimiting();
        string[] reading = [HttpMethods.Get, HttpMethods.Head];
        health.MapMethods("/live", reading, () => Results.Text("live"));
        health.MapMethods("/ready", reading, async (IGrainFactory grains, NodeOptions self, Leaving leaving) =>
        {
            if (leaving.HasBegun) throw new FuseMixException(FailureKind.Unavailable, $"Node '{self.Name}' is leaving.", "Ask another one.");

            // That a grain answers shows that the node takes part in the cluster.
            var status = await grains.GetGrain<IClusterGrain>(0).Status();
            return status.Nodes.Any(node => node.Name == self.Name && node.State == "Active")
                ? Results.Text("ready")
                : throw new FuseMixException(FailureKind.Unavailable, $"Node '{self.Name}' is not active in the cluster.", "Wait for it.");
        });
    }
}
