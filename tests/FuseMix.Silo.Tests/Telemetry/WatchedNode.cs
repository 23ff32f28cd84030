using System.Text.Json.Nodes;
using FuseMix.Testing.Clusters;

namespace FuseMix.Silo.Tests.Telemetry;

/// <summary>A node whose figures are looked at. Its tests run alone: the figures of all nodes of a process are one, and end with the first
/// of them that ends.</summary>
public sealed class WatchedNode : IAsyncLifetime
{
    public const string Collection = "Telemetry";

    public ServedHome Served { get; } = new();

    public HttpClient Client => Served.Client;

    public ValueTask InitializeAsync() => Served.InitializeAsync();

    public ValueTask DisposeAsync() => Served.DisposeAsync();

    internal Task<JsonNode> Get(string address) => Served.Get(address);

    /// <summary>Scrapes until a text is there: a request is counted when its answer has gone, and what Prometheus gets may be some moments
    /// old.</summary>
    internal Task<string> ScrapeUntil(string text) => Patience.Until(
        () => Client.GetStringAsync("/metrics", TestContext.Current.CancellationToken),
        page => page.Contains(text, StringComparison.Ordinal));
}

[CollectionDefinition(WatchedNode.Collection, DisableParallelization = true)]
public sealed class WatchedNodes : ICollectionFixture<WatchedNode>;
