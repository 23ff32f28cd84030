using System.Text.Json;
using System.Text.Json.Serialization;
using FuseMix.Contracts.Cluster;
using FuseMix.Grains.Hosting;
using FuseMix.Grains.Nodes;
using FuseMix.Silo.Api;
using FuseMix.Storage;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Orleans;

namespace FuseMix.Silo;

/// <summary>One node of the cluster with its HTTP face: the API under <c>/api/v1</c>, health, and a web page to search with.</summary>
public static class SiloHost
{
    private static readonly Dictionary<string, string> MediaTypes = new()
    {
        ["index.html"] = "text/html; charset=utf-8",
        ["page.css"] = "text/css; charset=utf-8",
        ["page.js"] = "text/javascript; charset=utf-8",
    };

    /// <summary>Builds the node; run it with <see cref="WebApplication.RunAsync(string?)"/>.</summary>
    /// <param name="home">Where everything is stored.</param>
    /// <param name="options">What the node is.</param>
    /// <param name="port">TCP port on the loopback interface; 0 for any free one.</param>
    public static WebApplication Build(FuseMixHome home, NodeOptions options, int port)
    {
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { ApplicationName = "FuseMix" });
        builder.Logging.ClearProviders().AddConsole(console => console.LogToStandardErrorThreshold = LogLevel.Trace);
        builder.Logging.SetMinimumLevel(LogLevel.Warning).AddFilter("FuseMix", LogLevel.Information);

        // Loopback only: without API keys nobody else may reach the node.
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(System.Net.IPAddress.Loopback, port));
        builder.Services.ConfigureHttpJsonOptions(json =>
        {
            json.SerializerOptions.Converters.Add(new JsonStringEnumConverter(JsonNamingPolicy.CamelCase));
            json.SerializerOptions.NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals;
            json.SerializerOptions.UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow;
        });
        builder.Services.AddProblemDetails().AddExceptionHandler<Problems>();
        builder.Services.AddSingleton<ItemContents>();
        builder.AddFuseMixNode(home, options);

        var app = builder.Build();
        app.UseExceptionHandler();
        app.UseStatusCodePages();
        SearchApi.Map(app);
        app.MapGet("/health/live", () => Results.Text("live"));
        app.MapGet("/health/ready", async (IGrainFactory grains) =>
        {
            await grains.GetGrain<IClusterGrain>(0).Status();
            return Results.Text("ready");
        });
        foreach (var (file, mediaType) in MediaTypes) app.MapGet($"/{file}", () => PageFile(file, mediaType));
        app.MapGet("/", () => PageFile("index.html", MediaTypes["index.html"]));
        return app;
    }

    private static IResult PageFile(string file, string mediaType) =>
        Results.Stream(typeof(SiloHost).Assembly.GetManifestResourceStream(file)!, mediaType);
}
