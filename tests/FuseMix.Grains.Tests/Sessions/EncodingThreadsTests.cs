using System.Collections.Concurrent;
using FuseMix.Grains.Cluster;
using FuseMix.Grains.Sessions;

namespace FuseMix.Grains.Tests.Sessions;

public sealed class EncodingThreadsTests
{
    [Fact]
    public async Task However_many_ask_the_work_is_done_on_as_many_threads_as_said_and_on_none_of_the_pool()
    {
        const int Threads = 3, Callers = 6, Items = 200;
        using var threads = new EncodingThreads(new NodeOptions { Threads = Threads });
        var seen = new ConcurrentDictionary<Thread, bool>();
        var done = 0;
        await Task.WhenAll(Enumerable.Range(0, Callers).Select(_ => Task.Factory.StartNew(
            () => Parallel.For(0, Items, new ParallelOptions { MaxDegreeOfParallelism = Threads, TaskScheduler = threads }, item =>
            {
                seen[Thread.CurrentThread] = Thread.CurrentThread.IsThreadPoolThread;
                Interlocked.Increment(ref done);
            }),
            CancellationToken.None,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default)));
        Assert.Equal(Callers * Items, done);
        Assert.InRange(seen.Count, 1, Threads);
        Assert.All(seen, thread => Assert.False(thread.Value));
    }

    [Fact]
    public void A_failure_reaches_whoever_asked()
    {
        using var threads = new EncodingThreads(new NodeOptions { Threads = 2 });
        var failure = Assert.Throws<AggregateException>(
            () => Parallel.For(
                0, 4, new ParallelOptions { TaskScheduler = threads }, _ => throw new InvalidOperationException("a reason")));
        Assert.IsType<InvalidOperationException>(failure.InnerExceptions[0]);
    }
}
