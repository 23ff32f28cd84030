using FuseMix.Grains.Cluster;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace FuseMix.Grains.Training;

/// <summary>Lets a node measure and fit one thing at a time, with a few waiting; more are refused, so that nobody waits for what will not
/// come.</summary>
internal sealed partial class EvaluationQueue(NodeOptions options, IHostApplicationLifetime host, ILogger<EvaluationQueue> logger) : IDisposable
{
    private readonly SemaphoreSlim _turn = new(1);
    private int _inside;

    /// <summary>Does work that blocks on a thread of its own, once it is its turn.</summary>
    /// <param name="work">The work, which stops where it is told to.</param>
    /// <param name="cancellationToken">Stops it, whether it waits or has begun.</param>
    /// <exception cref="FuseMixException">Too many wait already, or the node is stopping.</exception>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public async Task<T> Run<T>(Func<CancellationToken, T> work, CancellationToken cancellationToken)
    {
        using var told = cancellationToken.Register(LogCallerLeft);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, host.ApplicationStopping);
        try
        {
            if (Interlocked.Increment(ref _inside) > 1 + options.EvaluationsQueued)
            {
                throw new FuseMixException(
                    FailureKind.Unavailable,
                    $"Node '{options.Name}' is busy: {options.EvaluationsQueued} evaluations wait there already.",
                    "Try again when one of them is done.");
            }

            await _turn.WaitAsync(stop.Token);
            try
            {
                return await Task.Factory.StartNew(
                    () => work(stop.Token), stop.Token, TaskCreationOptions.LongRunning, TaskScheduler.Default);
            }
            finally
            {
                _turn.Release();
            }
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested && host.ApplicationStopping.IsCancellationRequested)
        {
            throw new FuseMixException(
                FailureKind.Unavailable, $"Node '{options.Name}' is stopping.", "Ask again: another node takes its place.");
        }
        finally
        {
            Interlocked.Decrement(ref _inside);
        }
    }

    public void Dispose() => _turn.Dispose();

    [LoggerMessage(2013, LogLevel.Debug, "The caller of an evaluation has left; it ends at its next look")]
    private partial void LogCallerLeft();
}
