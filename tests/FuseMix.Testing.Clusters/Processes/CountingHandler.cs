namespace FuseMix.Testing.Clusters;

/// <summary>Counts what a client had to try again.</summary>
internal sealed class CountingHandler() : DelegatingHandler(new SocketsHttpHandler())
{
    private int _failed;

    /// <summary>Attempts that were not answered, or refused.</summary>
    public int Failed => Volatile.Read(ref _failed);

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        try
        {
            var response = await base.SendAsync(request, cancellationToken);
            if (!response.IsSuccessStatusCode) Interlocked.Increment(ref _failed);
            return response;
        }
        catch
        {
            Interlocked.Increment(ref _failed);
            throw;
        }
    }
}
