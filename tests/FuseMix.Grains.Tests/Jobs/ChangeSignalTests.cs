using FuseMix.Grains.Jobs;
using FuseMix.Testing.Clusters;

namespace FuseMix.Grains.Tests.Jobs;

public sealed class ChangeSignalTests
{
    [Fact]
    public void A_change_wakes_everybody_who_waits()
    {
        var signal = new ChangeSignal();
        var (one, other) = (signal.Next, signal.Next);
        Assert.False(one.IsCompleted);
        signal.Raise();
        Assert.True(one.IsCompletedSuccessfully && other.IsCompletedSuccessfully);
    }

    [Fact]
    public void A_change_after_one_looked_is_not_missed()
    {
        var signal = new ChangeSignal();
        var next = signal.Next;
        signal.Raise();
        signal.Raise();
        Assert.True(next.IsCompleted);
        Assert.False(signal.Next.IsCompleted);
    }

    [Fact]
    public async Task Changes_from_many_threads_lose_no_waiter()
    {
        var signal = new ChangeSignal();
        var value = 0;
        const int Changes = 2000;
        var waiter = Task.Run(
            async () =>
            {
                while (true)
                {
                    var next = signal.Next;
                    if (Volatile.Read(ref value) == Changes) return;
                    await next;
                }
            },
            TestContext.Current.CancellationToken);
        Parallel.For(0, Changes, _ =>
        {
            Interlocked.Increment(ref value);
            signal.Raise();
        });
        await waiter.WaitAsync(Patience.Long, TestContext.Current.CancellationToken);
    }
}
