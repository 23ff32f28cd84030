namespace FuseMix.Grains.Jobs;

/// <summary>Wakes everybody who waits for something to change; a waiter that was away misses nothing but the steps between.</summary>
internal sealed class ChangeSignal
{
    private TaskCompletionSource _next = NewSource();

    /// <summary>Completes at the next <see cref="Raise"/>. Take it before looking at what may change.</summary>
    public Task Next => Volatile.Read(ref _next).Task;

    /// <summary>Something changed. May be called from any thread.</summary>
    public void Raise() => Interlocked.Exchange(ref _next, NewSource()).SetResult();

    private static TaskCompletionSource NewSource() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
