using FuseMix.Client.Tests.Contract;
using FuseMix.Contracts.Catalog;
using FuseMix.Grains.Cluster;
using FuseMix.Hosting;
using FuseMix.Hosting.Configuration;
using FuseMix.Silo;
using FuseMix.Silo.Configuration;
using FuseMix.Silo.Security;
using FuseMix.Testing;
using FuseMix.Testing.Clusters;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Orleans;

[assembly: AssemblyFixture(typeof(ServedCluster))]

namespace FuseMix.Client.Tests.Contract;

/// <summary>A node over a home with a dataset, two encoders and their latents, a model and a collection: what both kinds of clients talk
/// to.</summary>
public sealed class ServedCluster : IAsyncLifetime
{
    public const string Collection = "boats";
    public const string Model = "boats-model";

    private readonly string _key = ApiKey.Create();
    private readonly TestHome _home = TestHome.Create();
    private readonly TemporaryFolder _folder = new();
    private WebApplication _app = null!;

    public string Root => _home.Home.Root;

    /// <summary>Where clients of the grains enter from outside, with Orleans.</summary>
    public int GatewayPort { get; } = Ports.Free();

    internal TestHome Home => _home;

    /// <summary>A client of the grains that has the home folder too, as the command line is.</summary>
    public IFuseMixClient Grains =>
        new GrainFuseMixClient(_app.Services.GetRequiredService<IGrainFactory>(), _app.Services.GetRequiredService<IHomeFiles>());

    /// <summary>A client of the HTTP API.</summary>
    public HttpFuseMixClient Http => new(Options(_key));

    public HttpFuseMixClientOptions Options(string? key, params Uri[] before) =>
        new() { Addresses = [.. before, new Uri(_app.Urls.Single())], ApiKey = key, RetryFor = TimeSpan.FromSeconds(5) };

    public async ValueTask InitializeAsync()
    {
        _app = SiloHost.Build(new SiloConfiguration
        {
            Home = Root,
            Node = new NodeOptions { Threads = 1 },
            Cluster = new ClusteringOptions { SiloPort = 0, GatewayPort = GatewayPort },
            Http = new HttpOptions
            {
                Port = 0,
                ApiKeys = [new ApiKeyOptions { Name = "tests", Sha256 = ApiKey.Sha256Of(_key), Scopes = ["admin"] }],
                RequestsPerSecond = 10_000,
            },
            Shutdown = new ShutdownOptions { Drain = TimeSpan.Zero },
        });
        await _app.StartAsync();
        var jobs = new HomeJobs(Grains);
        await jobs.Extract();
        await jobs.Train(TestHome.Training("first", Model, seed: 1));
        await jobs.Build(Collection, new(Model, TestHome.Dataset));
    }

    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync();
        await _app.DisposeAsync();
        _home.Dispose();
        _folder.Dispose();
    }

    /// <summary>A fresh folder outside of the cluster's home.</summary>
    internal string Folder() => Directory.CreateDirectory(_folder[$"{Guid.NewGuid():N}"]).FullName;
}
