using Orleans.Runtime;

namespace FuseMix.Grains.Search;

/// <summary>Asks one of several replicas, and another one where that one fails or is slow (Dean and Barroso, "The tail at scale",
/// 2013).</summary>
/// <param name="hedgeAfter">How long a replica may take before the next one is asked too; also the pause before one is asked again.</param>
/// <param name="clock">The clock.</param>
/// <param name="hedged">Told of every replica that is asked because another one is slow.</param>
internal sealed class HedgedCall(TimeSpan hedgeAfter, TimeProvider clock, Action? hedged = null)
{
    /// <summary>How often each replica is asked: a node that has just died takes its shards with it until the next call places them
    /// anew.</summary>
    private const int Rounds = 3;

    /// <summary>The first answer, or why there is none.</summary>
    /// <param name="replicas">Number of replicas, at least 1.</param>
    /// <param name="first">The one to ask first.</param>
    /// <param name="ask">Asks a replica; its token is cancelled when nobody waits for the answer any more, for it to know, not to
    /// stop.</param>
    /// <param name="deadline">How long to wait in all.</param>
    /// <param name="cancellationToken">Nobody waits for the answer any more.</param>
    /// <exception cref="FuseMixException">The question is wrong; no replica would answer it.</exception>
    public async Task<(T? Answer, string? Silence)> Ask<T>(
        int replicas, int first, Func<int, CancellationToken, Task<T>> ask, TimeSpan deadline, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var asked = 0;
        var waiting = new List<(int Replica, Task<T> Answer)>(replicas);

        // Who may be asked: another one helps where one is slow; the same one again only where its node has failed.
        var free = new Queue<int>(Enumerable.Range(first, replicas).Select(replica => replica % replicas));
        var late = Task.Delay(deadline, clock, over.Token);
        AskNext();
        try
        {
            while (true)
            {
                var next = free.Count > 0 && asked < replicas * Rounds ? Task.Delay(hedgeAfter, clock, over.Token) : null;
                var answers = waiting.Select(one => (Task)one.Answer);
                var happened = await Task.WhenAny(next is null ? [.. answers, late] : [.. answers, next, late]);
                cancellationToken.ThrowIfCancellationRequested();
                if (happened == late) return (default, "no answer within the deadline");
                if (happened == next)
                {
                    if (waiting.Count > 0 && asked < replicas) hedged?.Invoke();
                    AskNext();
                    continue;
                }

                var (replica, answered) = waiting.Find(one => one.Answer == happened);
                waiting.RemoveAll(one => one.Answer == happened);
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
                    if (failure is OrleansException) free.Enqueue(replica);
                    if (asked < replicas) AskNext();
                    else if (waiting.Count == 0 && (free.Count == 0 || asked == replicas * Rounds)) return (default, Reason(failure));
                }
            }
        }
        finally
        {
            await over.CancelAsync();
        }

        void AskNext()
        {
            asked++;
            var replica = free.Dequeue();
            waiting.Add((replica, Observed(ask(replica, over.Token))));
        }
    }

    /// <summary>An answer that nobody waits for any more may fail in silence.</summary>
    private static Task<T> Observed<T>(Task<T> answer)
    {
        _ = answer.ContinueWith(
            static late => late.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
        return answer;
    }

    private static string Reason(Exception failure) => failure switch
    {
        TimeoutException => "no answer within the deadline",
        OrleansException => "its node does not answer",
        _ => failure.Message,
    };
}
