using FuseMix.Testing;

namespace FuseMix.Core.Tests.Testing;

/// <summary>The clock that other tests rely on.</summary>
public sealed class ManualTimeProviderTests
{
    private readonly ManualTimeProvider _time = new();
    private readonly List<string> _fired = [];

    [Fact]
    public void Timers_fire_in_due_order_at_their_own_time_and_not_before()
    {
        Set("late", 3, Timeout.Infinite);
        Set("early", 1, 1);
        _time.Advance(TimeSpan.FromSeconds(0.5));
        Assert.Empty(_fired);
        _time.Advance(TimeSpan.FromSeconds(2.7));
        Assert.Equal(["early@1", "early@2", "late@3", "early@3"], _fired);
        Assert.Equal(1, _time.WaitingTimers);
    }

    [Fact]
    public void Disposed_and_stopped_timers_do_not_fire()
    {
        var disposed = Set("disposed", 1, 1);
        var stopped = Set("stopped", 1, 1);
        disposed.Dispose();
        Assert.True(stopped.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan));
        Assert.False(disposed.Change(TimeSpan.Zero, TimeSpan.Zero));
        _time.Advance(TimeSpan.FromSeconds(5));
        Assert.Empty(_fired);
        Assert.Equal(0, _time.WaitingTimers);
    }

    [Fact]
    public async Task Delays_and_cancellations_follow_the_clock()
    {
        var delay = Task.Delay(TimeSpan.FromHours(1), _time);
        using var cancelled = new CancellationTokenSource(TimeSpan.FromHours(2), _time);
        _time.Advance(TimeSpan.FromMinutes(59));
        Assert.False(delay.IsCompleted);
        _time.Advance(TimeSpan.FromMinutes(1));
        await delay;
        Assert.False(cancelled.IsCancellationRequested);
        _time.Advance(TimeSpan.FromHours(1));
        Assert.True(cancelled.IsCancellationRequested);
    }

    [Fact]
    public void The_clock_never_goes_back()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => _time.Advance(TimeSpan.FromTicks(-1)));
        var start = _time.GetTimestamp();
        _time.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal(TimeSpan.FromSeconds(2), _time.GetElapsedTime(start));
        Assert.Equal(TimeSpan.Zero, _time.GetLocalNow().Offset);
    }

    private ITimer Set(string name, double due, int period)
    {
        var start = _time.GetUtcNow();
        return _time.CreateTimer(
            _ => _fired.Add($"{name}@{(_time.GetUtcNow() - start).TotalSeconds}"), null, TimeSpan.FromSeconds(due),
            period == Timeout.Infinite ? Timeout.InfiniteTimeSpan : TimeSpan.FromSeconds(period));
    }
}
