using System.Text.Json;
using System.Text.Json.Serialization;
using FuseMix.Contracts.Cluster;
using FuseMix.Grains.Cluster;
using FuseMix.Grains.State;
using FuseMix.Hosting.Configuration;
using FuseMix.Silo.Telemetry;
using FuseMix.Storage;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Diagnostics.HealthChecks;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Logging;
using Orleans;

namespace FuseMix.Silo.Health;

/// <summary>What a node says of its health: at <c>/health/startup</c> whether it has ever joined its cluster, at <c>/health/ready</c>
/// whether to send it work, at <c>/health/live</c> whether anything but starting it anew can help it.</summary>
internal static partial class HealthHosting
{
    /// <summary>How long a check may take; then it counts as failed.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    private static readonly Probe[] Probes =
        [new("startup", "started", "starting"), new("ready", "ready", "not ready"), new("live", "live", "not live")];

    /// <summary>Adds the checks that fit the node.</summary>
    public static void AddFuseMixHealth(this WebApplicationBuilder builder, NodeOptions node, ClusteringOptions cluster)
    {
        // It would log every probe of a node in trouble, several a second; ours logs what changes.
        builder.Logging.AddFilter("Microsoft.Extensions.Diagnostics.HealthChecks", LogLevel.None);
        var services = builder.Services;
        services.AddHealthChecks();
        services.AddSingleton<HealthLog>();
        Add<StartupCheck>(services, "join", "startup");
        Add<MembershipCheck>(services, "membership", "ready");
        Add<DeviceLossCheck>(services, "device", "live", "ready");
        AddCostly(services, "home", "the home folder cannot be written", provider => () =>
        {
            provider.GetRequiredService<FuseMixHome>().EnsureWritable();
            return Task.CompletedTask;
        });
        AddCostly(services, "state", "grain state cannot be written", provider => provider.GetRequiredService<StateProbe>().Write);
        if (node.Roles.Contains(NodeRoles.Gateway)) Add<CollectionsCheck>(services, "collections", "ready");
        if (cluster.DependsOnFirst)
        {
            AddCostly(
                services,
                "first-node",
                "the first node of this machine's cluster, which alone knows its members, does not answer",
                provider =>
                () => provider.GetRequiredService<IMembershipTable>().ReadAllAsync(CancellationToken.None));
        }

        if (!node.Accelerators.Contains(Accelerators.Cuda)) return;
        AddCostly(services, "cuda", "the CUDA device does not answer", _ => () =>
        {
            CudaDevice.Ask();
            return Task.CompletedTask;
        });
    }

    /// <summary>Maps the three addresses.</summary>
    /// <returns>The group of them, to say who may ask.</returns>
    public static IEndpointConventionBuilder MapFuseMixHealth(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/health");
        foreach (var probe in Probes)
        {
            group.MapHealthChecks($"/{probe.Name}", new HealthCheckOptions
            {
                Predicate = check => check.Tags.Contains(probe.Name),
                ResponseWriter = (context, report) => Answer(context, probe, report),
            }).WithMetadata(new HttpMethodMetadata([HttpMethods.Get, HttpMethods.Head]));
        }

        return group.Unseen();
    }

    private static void Add<T>(IServiceCollection services, string name, params string[] probes)
        where T : class, IHealthCheck
    {
        services.AddSingleton<T>();
        Register(services, name, provider => provider.GetRequiredService<T>(), probes);
    }

    /// <summary>Adds a check that is made once for all who ask, and only tells whether the node is ready.</summary>
    private static void AddCostly(IServiceCollection services, string name, string trouble, Func<IServiceProvider, Func<Task>> check)
    {
        services.AddKeyedSingleton(name, (provider, _) =>
        {
            var made = check(provider);
            return new RememberedCheck(
                async () =>
                {
                    await made();
                    return HealthCheckResult.Healthy();
                },
                trouble,
                provider.GetRequiredService<TimeProvider>());
        });
        Register(services, name, provider => provider.GetRequiredKeyedService<RememberedCheck>(name), "ready");
    }

    private static void Register(
        IServiceCollection services, string name, Func<IServiceProvider, IHealthCheck> check, params string[] probes) =>
        services.Configure<HealthCheckServiceOptions>(options =>
            options.Registrations.Add(new HealthCheckRegistration(name, check, HealthStatus.Unhealthy, probes, Patience)));

    private static Task Answer(HttpContext context, Probe probe, HealthReport report)
    {
        context.RequestServices.GetRequiredService<HealthLog>().Write(report);
        var word = report.Status == HealthStatus.Unhealthy ? probe.Bad : probe.Good;
        var checks = report.Entries.ToDictionary(
            check => check.Key,
            check => new CheckDocument(check.Value.Status == HealthStatus.Healthy, Trouble(check.Value)),
            StringComparer.Ordinal);
        var accepted = context.Request.GetTypedHeaders().Accept;
        if (context.Request.Query["format"] == "json" || accepted.Any(type => type.MediaType == "application/json"))
            return context.Response.WriteAsJsonAsync(new HealthDocument(word, checks), HealthJson.Default.HealthDocument);

        var troubles = string.Join("; ", checks.Where(check => !check.Value.Ok).Select(check => $"{check.Key}: {check.Value.Trouble}"));
        context.Response.ContentType = "text/plain; charset=utf-8";
        return context.Response.WriteAsync(
            troubles.Length == 0 ? word : report.Status == HealthStatus.Degraded ? $"{word}, but {troubles}" : $"{word}: {troubles}");
    }

    /// <summary>What may leave the machine: the words of exceptions may name its paths, and are in its log.</summary>
    private static string? Trouble(HealthReportEntry check) =>
        check.Status == HealthStatus.Healthy
            ? null
            : check.Exception is OperationCanceledException
            ? "no answer in time"
            : check.Description;

    private sealed record Probe(string Name, string Good, string Bad);

    internal sealed record HealthDocument(string Status, Dictionary<string, CheckDocument> Checks);

    internal sealed record CheckDocument(bool Ok, [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Trouble);

    [JsonSourceGenerationOptions(JsonSerializerDefaults.Web)]
    [JsonSerializable(typeof(HealthDocument))]
    private sealed partial class HealthJson : JsonSerializerContext;
}
