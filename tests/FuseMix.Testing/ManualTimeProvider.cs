using Microsoft.Extensions.Time.Testing;

namespace FuseMix.Testing;

/// <summary>A clock that moves only when told to, and knows who waits for it.</summary>
/// <remarks>Starts at 2026-01-01 00:00 UTC, in the UTC time zone.</remarks>
public sealed class ManualTimeProvider() : FakeTimeProvider(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero))
{
    private int _waiting;

    /// <summary>How many timers wait for their time: lets a test see that the code under test has come to its delay.</summary>
    public int WaitingTimers => Volatile.Read(ref _waiting);

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new CountedTimer(this, callback, state);
        timer.Start(base.CreateTimer(_ => timer.Fire(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan), dueTime, period);
        return timer;
    }

    private sealed class CountedTimer(ManualTimeProvider owner, TimerCallback callback, object? state) : ITimer
    {
        private readonly Lock _gate = new();
        private ITimer _timer = null!;
        private bool _isWaiting;
        private bool _isPeriodic;

        public void Start(ITimer timer, TimeSpan dueTime, TimeSpan period)
        {
            _timer = timer;
            Change(dueTime, period);
        }

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            lock (_gate) _isPeriodic = period > TimeSpan.Zero;
            Wait(dueTime != Timeout.InfiniteTimeSpan);
            if (_timer.Change(dueTime, period)) return true;
            Wait(false);
            return false;
        }

        public void Fire()
        {
            if (!_isPeriodic) Wait(false);
            callback(state);
        }

        public void Dispose()
        {
            Wait(false);
            _timer.Dispose();
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }

        private void Wait(bool whether)
        {
            lock (_gate)
            {
                if (_isWaiting == whether) return;
                _isWaiting = whether;
                Interlocked.Add(ref owner._waiting, whether ? 1 : -1);
            }
        }
    }
}
