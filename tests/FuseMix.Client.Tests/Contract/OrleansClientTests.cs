using FuseMix.Contracts.Catalog;
using FuseMix.Grains.Home;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Orleans;

namespace FuseMix.Client.Tests.Contract;

/// <summary>A client of the grains from outside of the cluster, over TCP, keeps what clients promise.</summary>
public sealed class OrleansClientTests(ServedCluster served) : ClientContract(served, "orleans"), IAsyncLifetime
{
    private IHost _host = null!;

    protected override IFuseMixClient Client =>
        new GrainFuseMixClient(_host.Services.GetRequiredService<IGrainFactory>(), HomeFiles.Of(Served.Home.Home));

    public async ValueTask InitializeAsync()
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        SamplesOverOrleans.Connect(builder, Served.GatewayPort);
        _host = builder.Build();
        await _host.StartAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await _host.StopAsync();
        _host.Dispose();
    }

    [Fact]
    public async Task Without_the_home_folder_its_files_are_elsewhere()
    {
        var client = _host.Services.GetRequiredService<IFuseMixClient>();
        Assert.NotEmpty(await client.Collections());
        await Fails(FailureKind.Unavailable, () => client.Content(ServedCluster.Collection, "img-03"), "HttpFuseMixClient");
        await Fails(
            FailureKind.Unavailable, () => client.PutDataset("x", new DatasetSource(DatasetFormat.Folder, "x")), "HttpFuseMixClient");
    }
}
