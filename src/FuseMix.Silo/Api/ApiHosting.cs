using System.Net;
using System.Net.Security;
using System.Text.Encodings.Web;
using FuseMix.Client.Grains;
using FuseMix.Hosting.Security;
using FuseMix.Silo.Configuration;
using FuseMix.Silo.Describing;
using FuseMix.Silo.Security;
using FuseMix.Silo.Uploads;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;

namespace FuseMix.Silo.Api;

/// <summary>Puts the HTTP face of a node together.</summary>
internal static class ApiHosting
{
    /// <summary>The address of the API.</summary>
    public const string Prefix = "/api/v1";

    /// <summary>Adds what the API stands on, and listens where the options say.</summary>
    /// <exception cref="FuseMixException">The certificate cannot be used.</exception>
    public static void AddFuseMixApi(this WebApplicationBuilder builder, HttpOptions options)
    {
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.Limits.MaxRequestBodySize = SearchApi.MaxBody;
            kestrel.AddServerHeader = false;
            kestrel.Listen(IPAddress.Parse(options.Address), options.Port, listen =>
            {
                if (options.Certificate.Path is not null)
                    ServeTls(listen, listen.ApplicationServices.GetRequiredService<RenewedCertificate>().Start());
            });
        });

        var services = builder.Services;
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton(options);
        services.AddSingleton(options.Certificate);
        services.AddSingleton(provider => new RenewedCertificate(
            options.Certificate,
            HttpOptions.CertificateSection,
            provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<ILogger<RenewedCertificate>>()));
        services.AddSingleton<ApiKeyRing>();
        services.AddSingleton<BrowserSafety>();
        services.AddSingleton<EventStream>();
        services.AddSingleton<Uploaded>();
        services.AddSingleton<GrainCalls>();
        services.AddProblemDetails(problems => problems.CustomizeProblemDetails = Problems.Complete).AddExceptionHandler<Problems>();

        // The core alone: what else comes with authentication is for cookies, and would want a place to keep secrets in.
        services.AddTransient<ApiKeyHandler>().AddSingleton(UrlEncoder.Default).AddAuthenticationCore(schemes =>
        {
            schemes.DefaultScheme = ApiKeyHandler.SchemeName;
            schemes.AddScheme<ApiKeyHandler>(ApiKeyHandler.SchemeName, null);
        });
        services.AddSingleton<IAuthorizationHandler, ScopeRequirementHandler>();
        services.AddAuthorization(policies =>
        {
            foreach (var scope in ApiKeyOptions.AllScopes)
                policies.AddPolicy(scope, policy => policy.AddRequirements(new ScopeRequirement(scope)));
            policies.AddPolicy(Scope.Metrics, policy => policy.AddRequirements(new ScopeRequirement(Scope.Read, OrFromThisMachine: true)));

            // What was mapped without a word on who may call it, and what is not there at all: strangers learn nothing of either.
            policies.FallbackPolicy = policies.GetPolicy(Scope.Read);
        });
        services.AddRateLimiter(limits => RequestLimits.Configure(limits, options, new ApiKeyRing(options)));
        OpenApiDocuments.Add(services);
    }

    /// <summary>Everything that a request goes through before its route.</summary>
    public static void UseFuseMixSecurity(this WebApplication app)
    {
        var safety = app.Services.GetRequiredService<BrowserSafety>();
        var logger = app.Services.GetRequiredService<ILoggerFactory>().CreateLogger("FuseMix.Silo.Requests");
        app.Use(RequestIds.Apply);
        app.UseExceptionHandler();
        app.UseStatusCodePages();
        app.Use(safety.Apply);
        app.UseRouting();
        app.UseAuthentication();
        app.Use((context, next) => RequestIds.Log(context, next, logger));

        // Before anybody is turned away, so that guessing keys is slow, too.
        app.UseRateLimiter();
        app.UseAuthorization();
    }

    /// <summary>Maps every route of the API.</summary>
    public static void MapFuseMixApi(this IEndpointRouteBuilder routes)
    {
        var api = routes.MapGroup(Prefix);
        ClusterApi.Map(api);
        EncodersApi.Map(api);
        DatasetsApi.Map(api);
        ExtractionsApi.Map(api);
        TrainingsApi.Map(api);
        ModelsApi.Map(api);
        CollectionsApi.Map(api);
        SearchApi.Map(api);
        OpenApiDocuments.Map(routes);
    }

    private static void ServeTls(ListenOptions listen, RenewedCertificate certificate) => listen.UseHttps(new TlsHandshakeCallbackOptions
    {
        OnConnection = _ => ValueTask.FromResult(new SslServerAuthenticationOptions { ServerCertificateContext = certificate.Current }),
    });
}
