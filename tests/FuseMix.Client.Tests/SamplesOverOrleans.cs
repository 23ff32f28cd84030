using FuseMix.Client.Grains;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Orleans;
using Orleans.Hosting;

namespace FuseMix.Client.Tests;

/// <summary>The samples that need Orleans.</summary>
internal static class SamplesOverOrleans
{
    public static void Connect(IHostApplicationBuilder builder, int gatewayPort)
    {
        builder.UseOrleansClient(orleans =>
        {
            orleans.UseLocalhostClustering(gatewayPort);
            orleans.UseFuseMix();
        });
        builder.Services.AddSingleton<IFuseMixClient>(services => new GrainFuseMixClient(services.GetRequiredService<IGrainFactory>()));
    }
}
