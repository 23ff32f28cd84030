using System.Runtime.ExceptionServices;

namespace Orleans.Runtime;

/// <summary>What a step of an enumeration gave.</summary>
internal enum Step
{
    /// <summary>Nothing yet; ask again.</summary>
    Heartbeat,

    Element,
    Completed,
    Missing,
    Failed,
    Cancelled,
}

/// <summary>The sequence that a caller holds: each enumeration of it is a session in the grain.</summary>
internal sealed class RemoteSequence<T>(GrainReference target, GrainMethod method, object?[] arguments) : IAsyncEnumerable<T>
{
    public IAsyncEnumerator<T> GetAsyncEnumerator(CancellationToken cancellationToken = default) =>
        new RemoteEnumerator<T>(target, method, arguments, cancellationToken);
}

internal sealed class RemoteEnumerator<T> : IAsyncEnumerator<T>
{
    private readonly GrainReference _target;
    private readonly GrainMethod _method;
    private readonly object?[] _arguments;
    private readonly CancellationTokenSource _cancellation;
    private readonly Guid _session = Guid.NewGuid();
    private bool _started;
    private bool _over;

    public RemoteEnumerator(GrainReference target, GrainMethod method, object?[] arguments, CancellationToken cancellationToken)
    {
        (_target, _method) = (target, method);
        (_arguments, var argumentToken) = target.Pack(method, arguments);
        _cancellation = CancellationTokenSource.CreateLinkedTokenSource(argumentToken, cancellationToken);
    }

    public T Current { get; private set; } = default!;

    public async ValueTask<bool> MoveNextAsync()
    {
        if (_over) return false;
        var active = _started;
        try
        {
            while (true)
            {
                _cancellation.Token.ThrowIfCancellationRequested();
                active = true;
                var (step, value) = _started ? await Ask("MoveNext", a => a.MoveNext) : await Ask("StartEnumeration", Start);
                _started = true;
                active = step is Step.Heartbeat or Step.Element;
                switch (step)
                {
                    case Step.Heartbeat:
                        continue;
                    case Step.Element:
                        Current = (T)value!;
                        return true;
                    case Step.Completed:
                        _over = true;
                        return false;
                    case Step.Failed:
                        ExceptionDispatchInfo.Throw((Exception)value!);
                        break;
                    case Step.Cancelled:
                        throw new OperationCanceledException();
                    default:
                        throw new EnumerationAbortedException(
                            "Enumeration aborted: the remote target does not have a record of this enumerator. This likely indicates that the "
                            + "remote grain was deactivated since enumeration begun or that the enumerator was idle for longer than the expiration period.");
                }
            }
        }
        catch when (active)
        {
            _over = true;
            await EndSession();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_started && !_over) await EndSession();
        _over = true;
        _cancellation.Dispose();
    }

    private Func<Guid, CancellationToken, Task<(Step, object?)>> Start(EnumerationSessions sessions) => (session, token) =>
    {
        var requestCancellation = new CancellationTokenSource();
        var arguments = (object?[])_arguments.Clone();
        if (_method.TokenIndex >= 0) arguments[_method.TokenIndex] = requestCancellation.Token;
        return sessions.Start(session, _method, arguments, requestCancellation, token);
    };

    private async Task<(Step Step, object? Value)> Ask(
        string what, Func<EnumerationSessions, Func<Guid, CancellationToken, Task<(Step, object?)>>> step)
    {
        var message = new Message(
            _target.GrainId, $"{what} of {_method}", async (activation, message) =>
            {
                var (outcome, value) = await step(activation.Enumerations)(_session, message.CalleeToken);
                var copy = new MessageCopy(activation.Node.Factory);
                return (outcome, value is Exception failure ? copy.OfException(failure) : copy.Of(value, typeof(T), _method.ImmutableResult));
            })
        {
            Interface = _target.InterfaceType,
            IsAlwaysInterleave = true,
            Sender = _target.Factory.Node,
        };
        _target.Factory.Send(message, null, _cancellation.Token);
        return ((Step, object?))(await message.Reply.ConfigureAwait(false))!;
    }

    private async Task EndSession()
    {
        var message = new Message(
            _target.GrainId, $"DisposeAsync of {_method}", async (activation, _) =>
            {
                await activation.Enumerations.End(_session);
                return null;
            })
        {
            Interface = _target.InterfaceType,
            IsAlwaysInterleave = true,
            Sender = _target.Factory.Node,
        };
        _target.Factory.Send(message, null, CancellationToken.None);
        // The sequence is over for the caller whether or not the grain can still be told so; it forgets the session by itself.
        await ((Task)message.Reply).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }
}

/// <summary>An enumerator inside a grain, its elements untyped.</summary>
internal interface IEnumeration : IAsyncDisposable
{
    object? Current { get; }

    ValueTask<bool> MoveNextAsync();
}

internal sealed class Enumeration<T>(IAsyncEnumerator<T> enumerator) : IEnumeration
{
    public object? Current => enumerator.Current;

    public ValueTask<bool> MoveNextAsync() => enumerator.MoveNextAsync();

    public ValueTask DisposeAsync() => enumerator.DisposeAsync();
}

/// <summary>The enumerations that an activation serves; all of it runs as turns of the activation.</summary>
internal sealed class EnumerationSessions(Activation activation) : IAsyncDisposable
{
    private readonly Dictionary<Guid, Session> _sessions = [];
    private readonly TimeSpan _patience = activation.Node.Factory.ResponseTimeout;
    private IGrainTimer? _sweep;

    public async Task<(Step Step, object? Value)> Start(
        Guid id, GrainMethod method, object?[] arguments, CancellationTokenSource cancellation, CancellationToken cancellationToken)
    {
        _sweep ??= activation.AddTimer(
            RemoveForgotten, new GrainTimerCreationOptions(_patience, _patience) { Interleave = true });
        try
        {
            var sequence = method.Call(activation.GrainInstance!, arguments)!;
            _sessions.Add(id, new Session(((EnumerableAdapter)method.Adapter).Enumerate(sequence, cancellation.Token), cancellation));
        }
        catch (Exception failure)
        {
            return (Step.Failed, failure);
        }

        return await MoveNext(id, cancellationToken);
    }

    public async Task<(Step Step, object? Value)> MoveNext(Guid id, CancellationToken cancellationToken)
    {
        if (!_sessions.TryGetValue(id, out var session)) return (Step.Missing, null);
        (session.Seen, session.Busy) = (true, true);
        try
        {
            var pending = session.Pending ??= session.Enumerator.MoveNextAsync().AsTask();
            if (!pending.IsCompleted) await Wait(pending, cancellationToken);
            (session.Seen, session.Busy) = (true, false);
            if (!pending.IsCompleted && !cancellationToken.IsCancellationRequested) return (Step.Heartbeat, null);
            if (!pending.IsCompleted || pending.IsCanceled)
            {
                await End(id);
                return (Step.Cancelled, null);
            }

            session.Pending = null;
            if (await pending) return (Step.Element, session.Enumerator.Current);
            await End(id);
            return (Step.Completed, null);
        }
        catch (Exception failure)
        {
            await End(id);
            return (Step.Failed, failure);
        }
    }

    public async Task End(Guid id)
    {
        if (_sessions.Remove(id, out var session)) await Dispose(session);
    }

    public async ValueTask DisposeAsync()
    {
        var all = _sessions.Values.ToArray();
        _sessions.Clear();
        foreach (var session in all) await Dispose(session);
    }

    /// <summary>Waits less long than the caller does, so that the caller hears a heart-beat rather than a time-out.</summary>
    private async Task Wait(Task pending, CancellationToken cancellationToken)
    {
        using var patience = new CancellationTokenSource(_patience / 2, activation.Node.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancellationToken);
        await pending.WaitAsync(either.Token)
            .ConfigureAwait(ConfigureAwaitOptions.ContinueOnCapturedContext | ConfigureAwaitOptions.SuppressThrowing);
    }

    private async Task RemoveForgotten(CancellationToken cancellationToken)
    {
        foreach (var (id, session) in _sessions.ToArray())
        {
            if (session is { Seen: false, Busy: false }) await End(id);
            session.Seen = false;
        }
    }

    private async Task Dispose(Session session)
    {
        await session.Cancellation.CancelAsync();
        try
        {
            if (session.Pending is { } pending) await Wait(pending, CancellationToken.None);
            if (session.Pending is null or { IsCompleted: true }) await session.Enumerator.DisposeAsync();
        }
        catch (Exception failure)
        {
            activation.Node.Log.EnumeratorNotDisposed(activation.GrainId, failure);
        }
    }

    private sealed class Session(IEnumeration enumerator, CancellationTokenSource cancellation)
    {
        public IEnumeration Enumerator { get; } = enumerator;

        public CancellationTokenSource Cancellation { get; } = cancellation;

        public Task<bool>? Pending { get; set; }

        public bool Seen { get; set; }

        public bool Busy { get; set; }
    }
}
