using FuseMix.Testing;

namespace FuseMix.Core.Tests.Testing;

/// <summary>The clock that other tests rely on.</summary>
public sealed class ManualTimeProviderTests
{
    private readonly ManualTimeProvider _time = new();

    [Fact]
    public void Timers_wait_until_they_fire_or_are_stopped_or_disposed()
    {
        var fired = new List<string>();
        using var once = Set("once", 1, Timeout.InfiniteTimeSpan);
        using var ever = Set("ever", 2, TimeSpan.FromSeconds(2));
        using var stopped = Set("stopped", 1, TimeSpan.FromSeconds(1));
        var disposed = Set("disposed", 1, TimeSpan.FromSeconds(1));
        Assert.Equal(4, _time.WaitingTimers);
        Assert.True(stopped.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan));
        disposed.Dispose();
        Assert.False(disposed.Change(TimeSpan.Zero, TimeSpan.Zero));
        Assert.Equal(2, _time.WaitingTimers);
        _time.Advance(TimeSpan.FromSeconds(4));
        Assert.Equal(["once", "ever", "ever"], fired);
        Assert.Equal(1, _time.WaitingTimers);
        Assert.True(once.Change(TimeSpan.FromSeconds(1), Timeout.InfiniteTimeSpan));
        Assert.Equal(2, _time.WaitingTimers);

        ITimer Set(string name, int due, TimeSpan period) =>
            _time.CreateTimer(_ => fired.Add(name), null, TimeSpan.FromSeconds(due), period);
    }

    [Fact]
    public async Task A_delay_waits_and_no_longer_when_it_is_over()
    {
        var delay = Task.Delay(TimeSpan.FromHours(1), _time, TestContext.Current.CancellationToken);
        Assert.Equal(1, _time.WaitingTimers);
        _time.Advance(TimeSpan.FromHours(1));
        await delay;
        Assert.Equal(0, _time.WaitingTimers);
    }
}
