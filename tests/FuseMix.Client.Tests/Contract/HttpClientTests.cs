using FuseMix.Contracts.Search;
using FuseMix.Testing.Clusters;

namespace FuseMix.Client.Tests.Contract;

/// <summary>The client that calls the HTTP API keeps what clients promise.</summary>
public sealed class HttpClientTests : ClientContract, IDisposable
{
    private readonly HttpFuseMixClient _client;

    public HttpClientTests(ServedCluster served)
        : base(served, "http") => _client = served.Http;

    protected override IFuseMixClient Client => _client;

    public void Dispose() => _client.Dispose();

    [Theory]
    [InlineData(null)]
    [InlineData("fmx_wrong")]
    public async Task Without_a_valid_key_nothing_is_told(string? key)
    {
        using var stranger = new HttpFuseMixClient(Served.Options(key));
        await Fails(FailureKind.Invalid, () => stranger.Cluster(), "key");
        await Fails(FailureKind.Invalid, () => Patience.Read(stranger.WatchTraining("first")), "key");
        await Fails(
            FailureKind.Invalid, () => stranger.PutEncoder("x", Path.Combine(Served.Root, "encoders", TestHome.TextEncoder)), "key");
    }

    [Fact]
    public async Task A_gateway_that_is_not_there_is_passed_over()
    {
        // Port 9 is for discarding, which nobody does any more.
        using var stranger = new HttpFuseMixClient(Served.Options("fmx_wrong", new Uri("http://127.0.0.1:9")));
        await Fails(FailureKind.Invalid, () => stranger.Cluster(), "key");
    }

    [Fact]
    public async Task A_picture_that_is_too_large_to_send_is_said_to_be()
    {
        var query = SearchQuery.OfContent(Modality.Image, new byte[20 << 20]);
        await Fails(FailureKind.Invalid, () => Client.Search(new SearchRequest(ServedCluster.Collection, [query], null)), "too large");
    }
}
