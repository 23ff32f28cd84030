using Microsoft.Extensions.DependencyInjection;
using Orleans.Configuration;
using Orleans.Hosting;
using Orleans.Runtime.Hosting;
using Orleans.Serialization;

namespace FuseMix.Embedded.Tests.Clusters;

/// <summary>Starts clusters with what the contract tests need.</summary>
public static class ContractCluster
{
    /// <summary>Starts one with these nodes.</summary>
    public static async Task<RuntimeCluster> StartAsync(
        string[] nodes, Action<ISiloBuilder>? configure = null, TimeSpan? responseTimeout = null)
    {
        var timeout = responseTimeout ?? TimeSpan.FromSeconds(20);
        var cluster = new RuntimeCluster(
            (silo, _) =>
            {
                silo.Configure<SiloMessagingOptions>(options => options.ResponseTimeout = timeout);
                silo.Configure<ExceptionSerializationOptions>(options => options.SupportedNamespacePrefixes.Add(nameof(FuseMix)));
                silo.AddActivityPropagation();
                silo.AddMemoryGrainStorage("memory");
                silo.Services.AddGrainStorage(SharedStorage.Name, (_, _) => SharedStorage.Instance);
                silo.Services.AddPlacementDirector<Grains.RolePlacement, Grains.RoleDirector>(ServiceLifetime.Transient);
                configure?.Invoke(silo);
            },
            timeout);
        foreach (var node in nodes) await cluster.AddNodeAsync(node);
        return cluster;
    }
}
