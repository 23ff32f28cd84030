using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Orleans;
using Orleans.Hosting;
using Orleans.Serialization;

namespace FuseMix.Client.Tests;

/// <summary>The samples that need Orleans.</summary>
internal static class OrleansSamples
{
    public static void Connect(IHostApplicationBuilder builder, int gatewayPort)
    {
        builder.UseOrleansClient(orleans =>
        {
            orleans.UseLocalhostClustering(gatewayPort, serviceId: "fusemix", clusterId: "fusemix");
            orleans.Services.Configure<ExceptionSerializationOptions>(failures => failures.SupportedNamespacePrefixes.Add("FuseMix"));
            orleans.AddActivityPropagation();
        });
        builder.Services.AddSingleton<IFuseMixClient>(services => new GrainFuseMixClient(services.GetRequiredService<IGrainFactory>()));
    }
}
