using FuseMix.Hosting;
using FuseMix.Silo.Api;
using FuseMix.Silo.Configuration;
using FuseMix.Silo.Health;
using FuseMix.Silo.Page;
using FuseMix.Silo.Security;
using FuseMix.Silo.Telemetry;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace FuseMix.Silo;

/// <summary>One node of the cluster with its HTTP face: the API under <c>/api/v1</c>, health, and a web page to search with.</summary>
public static class SiloHost
{
    /// <summary>Builds the node; run it with <see cref="WebApplication.RunAsync(string?)"/>.</summary>
    /// <param name="configuration">All that can be said to it.</param>
    /// <exception cref="FuseMixException">The configuration asks for what this build cannot do, or the home folder cannot be written to.</exception>
    public static WebApplication Build(SiloConfiguration configuration)
    {
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
        builder.AddFuseMixTelemetry(configuration.Node);
        builder.AddFuseMixHealth(configuration.Node);
        builder.UseOrleans(silo => silo.AddFuseMixNode(configuration));

        var app = builder.Build();
        app.Use(app.Services.GetRequiredService<Leaving>().Track);
        app.UseFuseMixSecurity();
        app.MapFuseMixApi();
        app.MapFuseMixHealth().AllowAnonymous().DisableRateLimiting();
        app.MapFuseMixTelemetry().RequireAuthorization(Scope.Metrics).DisableRateLimiting();
        PageFiles.Map(app);
        return app;
    }
}
