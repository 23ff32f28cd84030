using FuseMix.Grains.Cluster;

namespace FuseMix.Grains.Search;

/// <summary>What a node's searches compute themselves: they encode queries and take them through adapters. Searches are without number,
/// since most of them wait; of this there is only so much at a time.</summary>
internal sealed class QueryWork(NodeOptions options, TimeProvider clock) : IDisposable
{
    private readonly SemaphoreSlim _turns = new(options.Threads);

    /// <summary>Waits for its turn, and for the work, which keeps its turn until it has ended, whether or not anybody still
    /// waits.</summary>
    /// <param name="work">The work; its token is cancelled when nobody waits for it any more.</param>
    /// <param name="patience">How long to wait in all.</param>
    /// <param name="cancellationToken">Nobody waits any more.</param>
    /// <exception cref="TimeoutException">It was not done in that time.</exception>
    public async Task<T> Run<T>(Func<CancellationToken, T> work, TimeSpan patience, CancellationToken cancellationToken)
    {
        using var late = new CancellationTokenSource(patience, clock);
        using var over = CancellationTokenSource.CreateLinkedTokenSource(late.Token, cancellationToken);
        var nobodyWaits = over.Token;
        try
        {
            await _turns.WaitAsync(nobodyWaits);
            return await Task.Run(Work, CancellationToken.None).WaitAsync(nobodyWaits);
        }
        catch (OperationCanceledException) when (late.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw new TimeoutException("The query was not encoded in time.");
        }

        T Work()
        {
            try
            {
                nobodyWaits.ThrowIfCancellationRequested();
                return work(nobodyWaits);
            }
            finally
            {
                _turns.Release();
            }
        }
    }

    public void Dispose() => _turns.Dispose();
}
