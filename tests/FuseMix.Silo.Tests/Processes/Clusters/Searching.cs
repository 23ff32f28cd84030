using System.Collections.Concurrent;
using System.Diagnostics;
using FuseMix.Client;
using FuseMix.Contracts.Search;
using FuseMix.Testing.Clusters;

namespace FuseMix.Silo.Tests.Processes.Clusters;

/// <summary>Searches, one after another, until told to end.</summary>
internal sealed class Searching : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentQueue<(long At, TimeSpan Took, SearchResponse Answer)> _answers = [];
    private readonly ConcurrentQueue<string> _failures = [];
    private readonly CountingHandler _attempts = new();
    private readonly HttpFuseMixClient _client;
    private readonly Task _loop;

    public Searching(SiloCluster cluster)
    {
        _client = cluster.Client(_attempts);
        _loop = Task.Run(Loop);
    }

    /// <summary>Searches that failed though they were tried again.</summary>
    public IReadOnlyCollection<string> Failures => _failures;

    /// <summary>Single attempts that failed.</summary>
    public int FailedAttempts => _attempts.Failed;

    public int Answered => _answers.Count;

    /// <summary>Answers that lacked a shard.</summary>
    public int Incomplete => _answers.Count(answer => !answer.Answer.Complete);

    /// <summary>The longest that one search took, its attempts and pauses in all.</summary>
    public TimeSpan Longest => _answers.Max(answer => answer.Took);

    /// <summary>Every different answer.</summary>
    public IReadOnlyCollection<string> Kinds =>
    [
        .. _answers.Where(answer => answer.Answer.Complete).Select(
            answer => string.Join(' ', answer.Answer.Results[0].Select(hit => hit.Id))).Distinct()
    ];

    /// <summary>Waits for so many more answers.</summary>
    public Task More(int count)
    {
        var before = Answered + _failures.Count;
        return Patience.Until(() => Task.FromResult(Answered + _failures.Count), now => now >= before + count || _loop.IsCompleted);
    }

    /// <summary>
    /// Waits for twenty complete answers in a row. While a killed node still counts as alive, what it knew of where grains are is missing
    /// too, so that an answer may lack a shard in spite of its replicas; it says so.
    /// </summary>
    public Task AreCompleteAgain()
    {
        var from = _answers.Count;
        return Patience.Until(
            () => Task.FromResult(_answers.Skip(from).Reverse().TakeWhile(answer => answer.Answer.Complete).Count()),
            inRow => inRow >= 20 || _loop.IsCompleted);
    }

    public async Task End()
    {
        await _stop.CancelAsync();
        await _loop;
    }

    public async ValueTask DisposeAsync()
    {
        await End();
        _client.Dispose();
        _stop.Dispose();
    }

    private async Task Loop()
    {
        while (!_stop.IsCancellationRequested)
        {
            var started = Stopwatch.GetTimestamp();
            try
            {
                var answer = await _client.Search(Work.Search("red boats"));
                _answers.Enqueue((started, Stopwatch.GetElapsedTime(started), answer));
            }
            catch (Exception failure)
            {
                _failures.Enqueue(failure.ToString());
            }
        }
    }
}
