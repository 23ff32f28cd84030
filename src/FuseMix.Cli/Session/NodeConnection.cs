using System.Net;
using FuseMix.Cli.CommandLine;
using FuseMix.Client;

namespace FuseMix.Cli.Session;

/// <summary>A client over HTTP that says of a key what somebody at a command line can do about it.</summary>
internal sealed class NodeConnection : IDisposable
{
    private readonly HttpClient _http;

    /// <exception cref="FuseMixException">There is no address, or one is not of HTTP.</exception>
    public NodeConnection(HttpFuseMixClientOptions options)
    {
        // A redirect would carry the key to wherever it points, and a proxy is for what is far.
        var connections = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            ConnectTimeout = TimeSpan.FromSeconds(10),
            PooledConnectionLifetime = TimeSpan.FromMinutes(5),
            UseProxy = !options.Addresses.All(address => address.IsLoopback),
        };
        _http = new HttpClient(new KeyAsked(connections)) { Timeout = Timeout.InfiniteTimeSpan };
        Client = new HttpFuseMixClient(_http, options);
    }

    public IFuseMixClient Client { get; }

    public void Dispose() => _http.Dispose();

    private sealed class KeyAsked(HttpMessageHandler connections) : DelegatingHandler(connections)
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var response = await base.SendAsync(request, cancellationToken);
            if (response.StatusCode != HttpStatusCode.Unauthorized) return response;
            response.Dispose();
            var address = request.RequestUri!.GetLeftPart(UriPartial.Authority);
            throw new FuseMixException(
                FailureKind.Invalid,
                request.Headers.Authorization is null
                    ? $"{address} needs an API key."
                    : $"The API key is not one that this node knows: {address}.",
                $"Give it with --api-key, or better in {CommonOptions.ApiKeyVariable}; whoever runs the node makes keys ('./fusemix "
                    + "api-keys create').");
        }
    }
}
