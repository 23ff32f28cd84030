using System.Collections.Concurrent;
using FuseMix.Contracts.Collections;
using Orleans;
using Orleans.Runtime;

namespace FuseMix.Grains.Search;

/// <summary>What is live in each collection, as its grain says. While that grain's node is dead or stalls, searches go on in the generation
/// that was live last: generations never change, and older ones stay for a while.</summary>
internal sealed class LiveCollections(TimeProvider clock)
{
    /// <summary>How long a collection that is known already may take to say what is live.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(500);

    /// <summary>How soon a collection is asked again whose node just left.</summary>
    private static readonly TimeSpan AgainAfter = TimeSpan.FromMilliseconds(50);

    private readonly ConcurrentDictionary<string, CollectionStatus> _known = new(StringComparer.Ordinal);

    /// <param name="grains">Where grains are.</param>
    /// <param name="name">The collection.</param>
    /// <param name="deadline">How long one that was never seen may take to come back where its node is gone.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="FuseMixException">There is no such collection, or it does not answer and was never seen.</exception>
    public async Task<CollectionStatus> Find(IGrainFactory grains, string name, TimeSpan deadline, CancellationToken cancellationToken)
    {
        var isKnown = _known.TryGetValue(name, out var known);
        var started = clock.GetTimestamp();
        while (true)
        {
            try
            {
                var status = grains.GetGrain<ICollectionGrain>(name).Status();
                return _known[name] = await status.WaitAsync(isKnown ? Patience : Timeout.InfiniteTimeSpan, clock, cancellationToken);
            }
            catch (SiloUnavailableException) when (!isKnown && clock.GetElapsedTime(started) < deadline)
            {
                // The call was on its way while the node left: another node takes the collection over.
                await Task.Delay(AgainAfter, clock, cancellationToken);
            }
            catch (Exception silence) when (silence is OrleansException or TimeoutException or FuseMixException { Kind: FailureKind.Unavailable })
            {
                if (known is not null) return known;
                if (silence is FuseMixException) throw;
                throw new FuseMixException(
                    FailureKind.Unavailable,
                    $"Collection '{name}' does not answer.",
                    "Try again in a few seconds: when a node dies, another one takes its collections over.",
                    silence);
            }
            catch (FuseMixException gone) when (gone.Kind is FailureKind.NotFound or FailureKind.Conflict)
            {
                _known.TryRemove(name, out _);
                throw;
            }
        }
    }
}
