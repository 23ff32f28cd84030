using System.Net;
using FuseMix.Contracts.Catalog;
using FuseMix.Data.Uploads;
using FuseMix.Grains.Home;
using FuseMix.Hosting;
using FuseMix.Silo.Api;
using FuseMix.Silo.Configuration;
using FuseMix.Silo.Describing;
using FuseMix.Silo.Health;
using FuseMix.Silo.Page;
using FuseMix.Silo.Security;
using FuseMix.Silo.Telemetry;
using FuseMix.Storage;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
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
        var builder = CreateBuilder();
        builder.Configuration.AddInMemoryCollection(configuration.Logging);
        builder.Logging.AddStandardError();
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
        builder.AddFuseMixHealth(configuration.Node, configuration.Cluster);
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

    /// <summary>Builds the API alone over a node that runs in this process already, on a free port of the loopback interface.</summary>
    /// <param name="grains">The node.</param>
    /// <param name="home">Its home folder.</param>
    /// <param name="key">The only key that is let in.</param>
    public static WebApplication BuildFace(IGrainFactory grains, FuseMixHome home, string key)
    {
        var builder = CreateBuilder();
        builder.Services.AddSingleton(grains).AddSingleton<IHomeFiles>(HomeFiles.Of(home)).AddSingleton(new UploadStore(home));

        // Whoever is still served when the node ends goes on elsewhere.
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromSeconds(1));
        builder.AddFuseMixApi(new HttpOptions
        {
            Port = 0,
            ApiKeys = [new ApiKeyOptions { Name = "home", Sha256 = ApiKey.Sha256Of(key), Scopes = ["admin"] }],
            RequestsPerSecond = 1_000_000,
        });
        var app = builder.Build();
        app.UseFuseMixSecurity();
        app.MapFuseMixApi();
        return app;
    }

    /// <summary>The OpenAPI document of the API, UTF-8, as every node of this version serves it. Nothing is started for it, and no home folder touched.</summary>
    public static async Task<byte[]> DescribeApi()
    {
        var builder = CreateBuilder();
        builder.AddFuseMixApi(new HttpOptions());
        await using var app = builder.Build();
        app.UseRouting();
        app.MapFuseMixApi();

        // What a start would do: from then on the routes are known to whoever describes them.
        app.UseEndpoints(static _ => { });
        return await OpenApiDocuments.Make(app.Services);
    }

    /// <summary>The configuration was read and checked before: no file that happens to lie in the current folder adds to it, and none is watched.
    /// The builders with defaults watch every folder below the current one.</summary>
    private static WebApplicationBuilder CreateBuilder()
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions { ApplicationName = "FuseMix", ContentRootPath = AppContext.BaseDirectory });
        builder.Configuration.Sources.Clear();
        builder.WebHost.UseKestrelCore();
        builder.Services.AddRoutingCore();
        builder.Logging.Configure(log => log.ActivityTrackingOptions = ActivityTrackingOptions.SpanId | ActivityTrackingOptions.TraceId | ActivityTrackingOptions.ParentId);
        return builder;
    }

    /// <summary>The address at which programs on this machine reach a node that has started.</summary>
    /// <param name="app">The node.</param>
    /// <param name="http">Its HTTP face.</param>
    public static Uri LocalAddress(WebApplication app, HttpOptions http)
    {
        var listens = new UriBuilder(app.Urls.First());
        var address = IPAddress.Parse(http.Address);
        var everywhere = address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any);

        // A certificate is for names, and an address that is not loopback need not be one that the node answers as.
        if (http.PublicNames.Count > 0 && (http.Certificate.Path is not null || !(everywhere || http.IsLoopback))) listens.Host = http.PublicNames[0];
        else if (everywhere) listens.Host = "127.0.0.1";
        return listens.Uri;
    }
}
