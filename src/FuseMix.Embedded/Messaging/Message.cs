using System.Diagnostics;

namespace Orleans.Runtime;

/// <summary>One request on its way to an activation, and the promise of its reply.</summary>
internal sealed class Message(GrainId target, string description, Func<Activation, Message, Task<object?>> body)
{
    private readonly TaskCompletionSource<object?> _reply = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource _cancellation = new();
    private CancellationTokenRegistration _callerCancellation;
    private ITimer? _timeout;
    private int _cancelled;

    public GrainId Target { get; } = target;

    public Func<Activation, Message, Task<object?>> Body { get; } = body;

    public Type? Interface { get; init; }

    public bool IsAlwaysInterleave { get; init; }

    public bool IsReadOnly { get; init; }

    public bool IsOneWay { get; init; }

    /// <summary>A message of the activation to itself, such as a timer's: not passed on when the activation ends.</summary>
    public bool IsLocalOnly { get; init; }

    /// <summary>Whether serving it counts as use of the activation.</summary>
    public bool KeepsAlive { get; init; } = true;

    /// <summary>Where it was sent from; null for a client.</summary>
    public Node? Sender { get; init; }

    /// <summary>The span that it was sent in; null for none.</summary>
    public Activity? Span { get; set; }

    /// <summary>The activation that has it; null while there is none.</summary>
    public Activation? At { get; set; }

    /// <summary>How often an activation that was ending passed it on.</summary>
    public int Forwards { get; set; }

    public Task<object?> Reply => _reply.Task;

    /// <summary>Set when the caller no longer waits: a request that is still queued then is dropped, as its sender believes it failed.</summary>
    public bool IsAbandoned { get; private set; }

    /// <summary>The token that the grain's method gets, cancelled as a turn of the activation when the caller cancels.</summary>
    public CancellationToken CalleeToken => _cancellation.Token;

    public void StartTimeout(TimeProvider time, TimeSpan timeout)
    {
        _timeout = time.CreateTimer(
            static state =>
            {
                var (message, timeout) = ((Message, TimeSpan))state!;
                message.IsAbandoned = true;
                message.Fail(new TimeoutException($"Response did not arrive on time in {timeout} for message: {message}."));
            },
            (this, timeout), timeout, Timeout.InfiniteTimeSpan);
        if (_reply.Task.IsCompleted) _timeout.Dispose();
    }

    /// <summary>When the caller cancels, it stops waiting at once, and the grain's token is cancelled.</summary>
    public void StartCancellation(CancellationToken callerToken)
    {
        if (!callerToken.CanBeCanceled) return;
        _callerCancellation = callerToken.UnsafeRegister(
            static (state, token) =>
            {
                var message = (Message)state!;
                message.Fail(new OperationCanceledException(token));
                message.Cancel();
            }, this);
        if (_reply.Task.IsCompleted) _callerCancellation.Dispose();
    }

    private void Cancel()
    {
        if (Interlocked.Exchange(ref _cancelled, 1) != 0) return;
        if (At is { } activation && activation.Withdraw(this)) return;
        if (At is { } running) running.Scheduler.Post(_cancellation.Cancel);
        else _cancellation.Cancel();
    }

    public bool IsCancelled => Volatile.Read(ref _cancelled) != 0;

    public bool Complete(object? result)
    {
        var first = _reply.TrySetResult(result);
        Close();
        return first;
    }

    public bool Fail(Exception failure)
    {
        var first = _reply.TrySetException(failure);
        // Nobody may ever look at it, and that is the caller's right: it must not reach UnobservedTaskException.
        if (first) _ = _reply.Task.Exception;
        Close();
        return first;
    }

    /// <summary>Fails it with what a grain threw, or with that this cannot travel.</summary>
    public void FailWithCopy(Exception failure, Node node)
    {
        try
        {
            Fail(new MessageCopy(node.Factory).OfException(failure));
        }
        catch (Exception refusal)
        {
            node.Log.CallFailed(ToString(), failure);
            Fail(refusal);
        }
    }

    private void Close()
    {
        _timeout?.Dispose();
        _callerCancellation.Unregister();
    }

    public override string ToString() => $"{description} on {Target}";
}
