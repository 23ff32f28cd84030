namespace Orleans.Runtime;

/// <summary>A timer whose ticks are requests of the activation to itself; the next tick is timed from the end of the last.</summary>
internal sealed class GrainTimer : IGrainTimer
{
    private readonly Activation _activation;
    private readonly Func<CancellationToken, Task> _callback;
    private readonly GrainTimerCreationOptions _options;
    private readonly CancellationTokenSource _cancellation = new();
    private readonly ITimer _timer;
    private TimeSpan _dueTime;
    private TimeSpan _period;
    private bool _isFiring;
    private bool _isChanged;

    public GrainTimer(Activation activation, Func<CancellationToken, Task> callback, GrainTimerCreationOptions options)
    {
        (_activation, _callback, _options) = (activation, callback, options);
        _timer = activation.Node.Time.CreateTimer(
            static timer => ((GrainTimer)timer!).Fire(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    public void Change(TimeSpan dueTime, TimeSpan period)
    {
        Require(dueTime, nameof(dueTime));
        Require(period, nameof(period));
        (_dueTime, _period, _isChanged) = (dueTime, period, true);
        if (!_isFiring) _timer.Change(dueTime, Timeout.InfiniteTimeSpan);
    }

    public void Dispose()
    {
        _cancellation.Cancel();
        _timer.Dispose();
        _activation.Forget(this);
    }

    private static void Require(TimeSpan time, string name)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan((long)time.TotalMilliseconds, -1, name);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((long)time.TotalMilliseconds, 0xfffffffe, name);
    }

    private void Fire()
    {
        _isFiring = true;
        _activation.TryReceive(new Message(_activation.GrainId, "A timer's tick", Tick)
        {
            IsLocalOnly = true,
            IsAlwaysInterleave = _options.Interleave,
            KeepsAlive = _options.KeepAlive,
            Sender = _activation.Node,
        });
    }

    private async Task<object?> Tick(Activation activation, Message message)
    {
        _isChanged = false;
        try
        {
            if (!_cancellation.IsCancellationRequested) await _callback(_cancellation.Token);
        }
        finally
        {
            _isFiring = false;
            if (!_cancellation.IsCancellationRequested) _timer.Change(_isChanged ? _dueTime : _period, Timeout.InfiniteTimeSpan);
        }

        return null;
    }
}
