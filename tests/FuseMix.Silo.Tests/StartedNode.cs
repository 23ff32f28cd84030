using FuseMix.Grains.Cluster;
using FuseMix.Silo.Configuration;
using FuseMix.Silo.Security;
using FuseMix.Storage;
using FuseMix.Testing;
using FuseMix.Testing.Clusters;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Orleans;

namespace FuseMix.Silo.Tests;

/// <summary>A node of its own for a test that needs other options than <see cref="ServedHome"/> has, by default over an empty
/// home.</summary>
internal sealed class StartedNode : IAsyncDisposable
{
    private readonly TemporaryFolder? _folder;
    private readonly WebApplication _app;
    private readonly List<HttpClient> _clients = [];

    private StartedNode(TemporaryFolder? folder, WebApplication app, FuseMixHome home) => (_folder, _app, Home) = (folder, app, home);

    public FuseMixHome Home { get; }

    public Uri Address => new(_app.Urls.Single());

    public IServiceProvider Services => _app.Services;

    public IGrainFactory Grains => _app.Services.GetRequiredService<IGrainFactory>();

    /// <summary>Starts a node.</summary>
    /// <param name="options">Its HTTP face; the port is any free one.</param>
    /// <param name="home">What it serves; null for an empty home.</param>
    /// <param name="node">Changes what the node is.</param>
    public static async Task<StartedNode> StartAsync(
        HttpOptions? options = null, FuseMixHome? home = null, Action<NodeOptions>? node = null)
    {
        options ??= new HttpOptions();
        options.Port = 0;
        var folder = home is null ? new TemporaryFolder() : null;
        home ??= new FuseMixHome(folder!.Path);
        var configuration = ServedHome.ConfigurationOf(home.Root);
        configuration.Http = options;
        node?.Invoke(configuration.Node);
        var app = SiloHost.Build(configuration);
        await app.StartAsync();
        return new StartedNode(folder, app, home);
    }

    /// <summary>A client; disposed with the node.</summary>
    /// <param name="key">The key that it sends; null for none.</param>
    /// <param name="handler">How it connects; null for the usual way.</param>
    public HttpClient Client(string? key = null, HttpMessageHandler? handler = null)
    {
        var client = handler is null ? new HttpClient() : new HttpClient(handler);
        (client.BaseAddress, client.Timeout) = (Address, Patience.Long);
        if (key is not null) client.DefaultRequestHeaders.Add("Authorization", $"Bearer {key}");
        _clients.Add(client);
        return client;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var client in _clients) client.Dispose();
        await _app.StopAsync();
        await _app.DisposeAsync();
        _folder?.Dispose();
    }
}

/// <summary>Keys of every scope, and the options that let them in.</summary>
internal sealed class TestKeys
{
    public string Read { get; } = ApiKey.Create();

    public string Write { get; } = ApiKey.Create();

    public string Admin { get; } = ApiKey.Create();

    public HttpOptions Options() => new()
    {
        ApiKeys =
        [
            new ApiKeyOptions { Name = "reader", Sha256 = ApiKey.Sha256Of(Read), Scopes = ["read"] },
            new ApiKeyOptions { Name = "writer", Sha256 = ApiKey.Sha256Of(Write).ToUpperInvariant(), Scopes = ["write", "read"] },
            new ApiKeyOptions { Name = "operator", Sha256 = ApiKey.Sha256Of(Admin), Scopes = ["admin"] },
        ],
    };
}
