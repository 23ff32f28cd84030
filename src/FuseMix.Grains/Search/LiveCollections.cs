using System.Collections.Concurrent;
using FuseMix.Contracts.Collections;
using FuseMix.Grains.Collections;
using FuseMix.Retrieval.Generations;
using Orleans.Runtime;

namespace FuseMix.Grains.Search;

/// <summary>What is live in each collection, as its grain says. While that grain's node is dead or stalls, the shared storage is read in
/// its place, as the grain itself would; and where that is down or stalls too, searches go on in the generation that was live
/// last.</summary>
internal sealed class LiveCollections(CollectionStore store, TimeProvider clock)
{
    /// <summary>How long the grain may take, and the storage in its place.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(500);

    /// <summary>How long a grain that was silent is not asked again: a dead node is noticed after some seconds, and no search need wait for
    /// it.</summary>
    private static readonly TimeSpan AskAgainAfter = TimeSpan.FromSeconds(2);

    private readonly ConcurrentDictionary<string, CollectionStatus> _known = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, long> _silentSince = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, Lazy<Reading>> _readings = new(StringComparer.Ordinal);

    /// <summary>What is live in a collection.</summary>
    /// <param name="grain">The collection's grain.</param>
    /// <param name="name">The collection's name.</param>
    /// <param name="cancellationToken">The searcher has gone.</param>
    /// <exception cref="FuseMixException">There is no such collection, or neither its grain nor the storage tells.</exception>
    public async Task<CollectionStatus> Find(ICollectionGrain grain, string name, CancellationToken cancellationToken)
    {
        if (_silentSince.TryGetValue(name, out var since)
            && clock.GetElapsedTime(since) < AskAgainAfter
            && await Stored(name, cancellationToken) is { } stored)
            return stored;
        try
        {
            var status = await grain.Status().WaitAsync(Patience, clock, cancellationToken);
            _silentSince.TryRemove(name, out _);
            return _known[name] = status;
        }
        catch (Exception silence) when (silence is OrleansException or TimeoutException
            or FuseMixException { Kind: FailureKind.Unavailable })
        {
            _silentSince[name] = clock.GetTimestamp();
            if (await Stored(name, cancellationToken) is { } found) return found;
            if (_known.TryGetValue(name, out var known)) return known;
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

    /// <summary>What the storage says is live; null where nothing is, or it does not tell. What it says is remembered.</summary>
    private async Task<CollectionStatus?> Stored(string name, CancellationToken cancellationToken)
    {
        // One reading for all who ask: where the storage stalls, each would hold a thread, and each wait as long.
        var reading = _readings.GetOrAdd(name, _ => new(() => new Reading(Task.Run(() => Read(name)), clock.GetTimestamp()))).Value;
        try
        {
            var patience = Patience - clock.GetElapsedTime(reading.Since) is var left && left > TimeSpan.Zero ? left : TimeSpan.Zero;
            return await reading.Live.WaitAsync(patience, clock, cancellationToken);
        }
        catch (TimeoutException)
        {
            return null;
        }
    }

    private CollectionStatus? Read(string name)
    {
        try
        {
            if (!store.Lacks(name) && store.Live(name) is { } manifest) return _known[name] = CollectionGrain.Describe(store, manifest);

            // It was dropped: what was live last is not live any more.
            _known.TryRemove(name, out _);
            return null;
        }
        catch (Exception failure) when (failure is FuseMixException or IOException or UnauthorizedAccessException)
        {
            return null;
        }
        finally
        {
            _readings.TryRemove(name, out _);
        }
    }

    private sealed record Reading(Task<CollectionStatus?> Live, long Since);
}
