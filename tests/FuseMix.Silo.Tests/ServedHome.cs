using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using FuseMix.Client;
using FuseMix.Contracts.Collections;
using FuseMix.Grains.Cluster;
using FuseMix.Hosting.Configuration;
using FuseMix.Silo.Configuration;
using FuseMix.Silo.Tests;
using FuseMix.Testing.Clusters;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Orleans;

[assembly: AssemblyFixture(typeof(ServedHome))]

namespace FuseMix.Silo.Tests;

/// <summary>A node with its HTTP face over a home whose collection "boats" the grains themselves made.</summary>
public sealed class ServedHome : IAsyncLifetime
{
    public const string Collection = "boats";
    public const string Model = "boats-model";

    private TestHome _home = null!;
    private WebApplication _app = null!;

    public HttpClient Client { get; private set; } = null!;

    public string Root => _home.Home.Root;

    public IGrainFactory Grains => _app.Services.GetRequiredService<IGrainFactory>();

    internal TestHome Home => _home;

    private HomeJobs Jobs => new(new GrainFuseMixClient(Grains));

    public async ValueTask InitializeAsync()
    {
        _home = TestHome.Create();
        _app = SiloHost.Build(ConfigurationOf(Root));
        await _app.StartAsync();
        Client = new HttpClient { BaseAddress = new Uri(_app.Urls.Single()), Timeout = Patience.Long };
        await Jobs.Extract();
        await Train("first", Model, seed: 1);
        await Build(Collection, Model);
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await _app.StopAsync();
        await _app.DisposeAsync();
        _home.Dispose();
    }

    public Task Build(string collection, string model) => Jobs.Build(collection, new CollectionBuild(model, TestHome.Dataset));

    public Task Train(string jobId, string model, ulong seed) => Jobs.Train(TestHome.Training(jobId, model, seed));

    /// <summary>A small node over a home folder, on free ports.</summary>
    internal static SiloConfiguration ConfigurationOf(string home) => new()
    {
        Home = home,
        // Two slots: tests hold an extractor, and others go on.
        Node = new NodeOptions { Threads = 2 },
        Cluster = new ClusteringOptions { SiloPort = 0, GatewayPort = 0 },
        Http = new HttpOptions { Port = 0 },
        Shutdown = new ShutdownOptions { Drain = TimeSpan.Zero },
    };

    /// <summary>The JSON that answers a GET.</summary>
    internal async Task<JsonNode> Get(string address)
    {
        using var response = await Client.GetAsync(address);
        return await Read(response, HttpStatusCode.OK);
    }

    /// <summary>The JSON that answers a POST of JSON.</summary>
    internal async Task<JsonNode> Post(string address, string json)
    {
        using var response = await Client.PostAsync(address, Json(json));
        return await Read(response, HttpStatusCode.OK);
    }

    internal static StringContent Json(string json) => new(json, Encoding.UTF8, "application/json");

    internal static async Task<JsonNode> Read(HttpResponseMessage response, HttpStatusCode expected)
    {
        var text = await response.Content.ReadAsStringAsync();
        Assert.True(response.StatusCode == expected, $"{(int)response.StatusCode}: {text}");
        return JsonNode.Parse(text)!;
    }

    /// <summary>Checks that an answer is a problem of that status and type, and says these words.</summary>
    internal static async Task AssertProblem(HttpResponseMessage response, int status, string type, params string[] words)
    {
        var problem = await Read(response, (HttpStatusCode)status);
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
        Assert.Equal($"urn:fusemix:problem:{type}", (string?)problem["type"]);
        Assert.Equal(status, (int?)problem["status"]);
        Assert.NotEmpty((string?)problem["title"] ?? "");
        var said = $"{problem["detail"]} {problem["remedy"]}";
        foreach (var word in words) Assert.Contains(word, said, StringComparison.Ordinal);
    }
}
