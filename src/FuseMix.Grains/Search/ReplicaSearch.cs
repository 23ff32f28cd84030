using FuseMix.Contracts.Collections;
using FuseMix.Grains.Collections;
using FuseMix.Grains.Nodes;
using Orleans;
using Orleans.Runtime;

namespace FuseMix.Grains.Search;

/// <summary>Asks a shard: one of its replicas, and another one where that one fails or is slow (hedging, Dean and Barroso 2013).</summary>
internal sealed class ReplicaSearch(ShardPlacement placement, NodeOptions options, TimeProvider clock)
{
    /// <summary>What the shard answers, or its name and why it does not.</summary>
    /// <param name="grains">Where to get grains.</param>
    /// <param name="collection">The generation.</param>
    /// <param name="shard">Name of the shard.</param>
    /// <param name="call">What to ask.</param>
    /// <param name="deadline">How long to wait in all.</param>
    /// <param name="cancellationToken">The searcher has gone.</param>
    /// <exception cref="FuseMixException">The question is wrong; no replica would answer it.</exception>
    public async Task<(T? Answer, string? Missing)> Ask<T>(
        IGrainFactory grains,
        CollectionStatus collection,
        string shard,
        Func<IIndexShardGrain, Task<T>> call,
        TimeSpan deadline,
        CancellationToken cancellationToken)
    {
        var replicas = placement.Replicas;
        var first = replicas == 1 ? 0 : Random.Shared.Next(replicas);
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        try
        {
            var asked = 0;
            var waiting = new List<Task<T>>(replicas) { AskNext() };
            var late = Task.Delay(deadline, clock, over.Token);
            while (true)
            {
                // One replica that answers at once, which is nearly every search, costs no timer for the next.
                var slow = asked < replicas ? Task.Delay(options.HedgeAfter, clock, over.Token) : null;
                var happened = await Task.WhenAny(slow is null ? [.. waiting, late] : [.. waiting, slow, late]);
                cancellationToken.ThrowIfCancellationRequested();
                if (happened == late) return (default, $"{shard}: no answer within the deadline");
                if (happened == slow)
                {
                    waiting.Add(AskNext());
                    continue;
                }

                var answered = (Task<T>)happened;
                try
                {
                    return (await answered, null);
                }
                catch (FuseMixException wrong) when (wrong.Kind is FailureKind.Invalid)
                {
                    throw;
                }
                catch (Exception failure) when (failure is not OutOfMemoryException)
                {
                    waiting.Remove(answered);
                    if (asked < replicas) waiting.Add(AskNext());
                    if (waiting.Count == 0) return (default, $"{shard}: {Reason(failure)}");
                }
            }

            Task<T> AskNext() => Observed(call(grains.GetGrain<IIndexShardGrain>(
                new IndexShardKey(collection.Name, collection.Generation, shard, (first + asked++) % replicas).ToString())));
        }
        finally
        {
            await over.CancelAsync();
        }
    }

    /// <summary>An answer that nobody waits for any more may fail in silence.</summary>
    private static Task<T> Observed<T>(Task<T> answer)
    {
        _ = answer.ContinueWith(static late => late.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
        return answer;
    }

    private static string Reason(Exception failure) => failure switch
    {
        TimeoutException => "no answer within the deadline",
        OrleansException => "its node does not answer",
        _ => failure.Message,
    };
}
