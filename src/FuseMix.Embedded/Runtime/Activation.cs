using System.Diagnostics;
using System.Reflection;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Storage;

namespace Orleans.Runtime;

/// <summary>One grain object on one node, with its queue of requests.</summary>
internal sealed class Activation : IGrainContext
{
    private readonly Lock _gate = new();
    private readonly List<Message> _waiting = [];
    private readonly HashSet<Message> _running = [];
    private readonly HashSet<GrainTimer> _timers = [];
    private readonly List<IPersistentStateCell> _states = [];
    private readonly TaskCompletionSource _deactivated = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource _activationCancellation;
    private readonly TimeSpan? _collectionAge;
    private readonly Action<Activation> _onGone;
    private readonly AsyncServiceScope _scope;
    private EnumerationSessions? _enumerations;
    private Message? _blocking;
    private Phase _phase = Phase.Activating;
    private bool _wasValid;
    private bool _isFinishing;
    private DeactivationReason _reason;
    private DateTimeOffset _lastUse;
    private DateTimeOffset _keepUntil = DateTimeOffset.MinValue;

    public Activation(Node node, GrainClass grainClass, GrainId id, Action<Activation> onGone)
    {
        (Node, GrainClass, GrainId, _onGone) = (node, grainClass, id, onGone);
        _collectionAge = grainClass.CollectionAge(node.Collection);
        _lastUse = node.Time.GetUtcNow();
        _scope = node.Services.CreateAsyncScope();
        _activationCancellation = new CancellationTokenSource(node.Collection.ActivationTimeout, node.Time);
        Scheduler = new ActivationScheduler(this);
    }

    private enum Phase
    {
        Activating,
        Valid,
        Deactivating,
        Gone,
    }

    public Node Node { get; }

    public GrainClass GrainClass { get; }

    public GrainId GrainId { get; }

    public ActivationScheduler Scheduler { get; }

    public object? GrainInstance { get; private set; }

    public IServiceProvider ActivationServices => _scope.ServiceProvider;

    public Task Deactivated => _deactivated.Task;

    public EnumerationSessions Enumerations => _enumerations ??= new EnumerationSessions(this);

    /// <summary>Requests that it has, running or waiting.</summary>
    public int Load
    {
        get
        {
            lock (_gate) return _running.Count + _waiting.Count;
        }
    }

    public void Start() => _ = Scheduler.Post(Activate);

    /// <summary>Takes a request; false when the activation is gone and the request must go elsewhere.</summary>
    public bool TryReceive(Message message)
    {
        lock (_gate)
        {
            if (_phase is Phase.Gone) return false;
            message.At = this;
            _waiting.Add(message);
            Pump();
        }

        return true;
    }

    /// <summary>Takes a request back that has not begun.</summary>
    public bool Withdraw(Message message)
    {
        lock (_gate) return _waiting.Remove(message);
    }

    public void Deactivate(DeactivationReason deactivationReason, CancellationToken cancellationToken = default)
    {
        lock (_gate)
        {
            if (_phase is Phase.Deactivating or Phase.Gone) return;
            _wasValid = _phase is Phase.Valid;
            _phase = Phase.Deactivating;
            _reason = deactivationReason;
            if (_wasValid) FinishWhenIdle();
        }

        // An activation that is still starting is told to stop; it finishes when its start returns.
        if (!_wasValid) _activationCancellation.Cancel();
    }

    public void DelayDeactivation(TimeSpan time) => _keepUntil =
        time == TimeSpan.MaxValue || time == Timeout.InfiniteTimeSpan ? DateTimeOffset.MaxValue
        : time <= TimeSpan.Zero ? DateTimeOffset.MinValue
        : Node.Time.GetUtcNow() + time;

    public void CollectIfIdle()
    {
        var now = Node.Time.GetUtcNow();
        lock (_gate)
        {
            if (_phase is not Phase.Valid || _running.Count + _waiting.Count > 0) return;
            if (_collectionAge is not { } age || now - _lastUse < age || now < _keepUntil) return;
        }

        Deactivate(new DeactivationReason(DeactivationReasonCode.ActivationIdle, "Idle for longer than the collection age."));
    }

    /// <summary>The node died: no more turns, no deactivation; gives the requests that it had.</summary>
    public Message[] Kill()
    {
        Scheduler.Kill();
        GrainTimer[] timers;
        Message[] lost;
        lock (_gate)
        {
            _phase = Phase.Gone;
            lost = [.. _running, .. _waiting];
            _waiting.Clear();
            timers = [.. _timers];
            _timers.Clear();
        }

        foreach (var timer in timers) timer.Dispose();
        _deactivated.TrySetResult();
        _onGone(this);
        return [.. lost.Where(m => !m.IsLocalOnly)];
    }

    public IGrainTimer AddTimer(Func<CancellationToken, Task> callback, GrainTimerCreationOptions options)
    {
        if (!ReferenceEquals(RuntimeContext.Activation, this))
        {
            throw new InvalidOperationException(
                "Current grain context differs from specified grain context. A timer is registered in a turn of its grain, not in Task.Run.");
        }

        var timer = new GrainTimer(this, callback, options);
        lock (_gate)
        {
            if (_phase is Phase.Activating or Phase.Valid) _timers.Add(timer);
        }

        timer.Change(options.DueTime, options.Period);
        return timer;
    }

    public void Forget(GrainTimer timer)
    {
        lock (_gate) _timers.Remove(timer);
    }

    private async Task Activate()
    {
        var hasActivated = false;
        try
        {
            try
            {
                GrainInstance = Construct();
            }
            catch (Exception failure)
            {
                throw new InvalidOperationException(
                    $"Failed to create an instance of grain type '{GrainClass.Class}'. See InnerException for details.", failure);
            }

            foreach (var state in _states) await state.ReadStateAsync();
            await ((IGrainBase)GrainInstance).OnActivateAsync(_activationCancellation.Token).WaitAsync(_activationCancellation.Token);
            hasActivated = true;
        }
        catch (Exception failure)
        {
            Node.Log.ActivationFailed(GrainId, failure);
            lock (_gate)
            {
                if (_phase is Phase.Activating)
                {
                    _phase = Phase.Deactivating;
                    _reason = new DeactivationReason(DeactivationReasonCode.ActivationFailed, failure, "Failed to activate grain.");
                }
            }
        }

        lock (_gate)
        {
            if (_phase is Phase.Activating)
            {
                _phase = Phase.Valid;
                Pump();
                return;
            }

            // Told to go while it started, yet it has started: it is deactivated like any other.
            _wasValid = hasActivated;
            FinishWhenIdle();
        }
    }

    private object Construct()
    {
        var constructors = GrainClass.Class.GetConstructors(BindingFlags.Instance | BindingFlags.Public);
        var constructor = constructors.FirstOrDefault(c => c.IsDefined(typeof(ActivatorUtilitiesConstructorAttribute)))
            ?? constructors.MaxBy(c => c.GetParameters().Length)
            ?? throw new OrleansConfigurationException($"Grain class {GrainClass.Class} has no public constructor.");
        var arguments = Array.ConvertAll(constructor.GetParameters(), Inject);
        return constructor.Invoke(BindingFlags.DoNotWrapExceptions, null, arguments, null);
    }

    private object? Inject(ParameterInfo parameter)
    {
        if (parameter.GetCustomAttribute<PersistentStateAttribute>() is { } facet) return InjectState(parameter, facet);
        if (parameter.ParameterType == typeof(IGrainContext)) return this;
        if (parameter.GetCustomAttribute<FromKeyedServicesAttribute>() is { } keyed)
            return ActivationServices.GetRequiredKeyedService(parameter.ParameterType, keyed.Key);
        return ActivationServices.GetService(parameter.ParameterType)
            ?? (parameter.HasDefaultValue ? parameter.DefaultValue : throw new InvalidOperationException(
                $"Unable to resolve service for type '{parameter.ParameterType}' while attempting to activate '{GrainClass.Class}'."));
    }

    private object InjectState(ParameterInfo parameter, PersistentStateAttribute facet)
    {
        if (!parameter.ParameterType.IsGenericType || parameter.ParameterType.GetGenericTypeDefinition() != typeof(IPersistentState<>))
        {
            throw new ArgumentException(
                $"Parameter '{parameter.Name}' of {GrainClass.Class} has [PersistentState], so it must be an IPersistentState<T>.", parameter.Name);
        }

        var storage = (string.IsNullOrWhiteSpace(facet.StorageName)
            ? ActivationServices.GetService<IGrainStorage>()
            : ActivationServices.GetKeyedService<IGrainStorage>(facet.StorageName))
            ?? throw new BadProviderConfigException(
                $"No storage provider named \"{facet.StorageName ?? Providers.ProviderConstants.DEFAULT_STORAGE_PROVIDER_NAME}\" "
                + $"found loading grain type {GrainId.Type}.");
        var name = facet.StateName is { Length: > 0 } given ? given : parameter.Name!;
        var cell = (IPersistentStateCell)Activator.CreateInstance(
            typeof(PersistentState<>).MakeGenericType(parameter.ParameterType.GetGenericArguments()), name, GrainId, storage)!;
        _states.Add(cell);
        return cell;
    }

    /// <summary>Begins every waiting request that may run now, in order of arrival.</summary>
    private void Pump()
    {
        if (_phase is not Phase.Valid) return;
        for (var i = 0; i < _waiting.Count;)
        {
            var message = _waiting[i];
            if (!MayRun(message))
            {
                i++;
                continue;
            }

            _waiting.RemoveAt(i);
            _running.Add(message);
            if (!message.IsAlwaysInterleave) _blocking ??= message;
            _ = Scheduler.Post(() => Serve(message));
        }
    }

    private bool MayRun(Message message) => _running.Count == 0 || message.IsAlwaysInterleave || _blocking is null
        || (_blocking.IsReadOnly && message.IsReadOnly) || (GrainClass.IsReentrant && !message.IsLocalOnly);

    private async Task Serve(Message message)
    {
        if (Node.PropagatesActivity) Activity.Current = message.Span;
        try
        {
            if (!message.IsAbandoned && !message.IsCancelled) message.Complete(await message.Body(this, message));
        }
        catch (Exception failure)
        {
            if (message.IsOneWay || message.IsLocalOnly) Node.Log.CallFailed(message.ToString(), failure);
            if (failure is InconsistentStateException { IsSourceActivation: true } conflict)
            {
                conflict.IsSourceActivation = false;
                Deactivate(new DeactivationReason(DeactivationReasonCode.ApplicationError, failure, "Its state was changed by another activation."));
            }

            message.FailWithCopy(failure, Node);
        }

        lock (_gate)
        {
            _running.Remove(message);
            if (ReferenceEquals(_blocking, message)) _blocking = null;
            if (message.KeepsAlive) _lastUse = Node.Time.GetUtcNow();
            if (_phase is Phase.Deactivating) FinishWhenIdle();
            else Pump();
        }
    }

    private void FinishWhenIdle()
    {
        if (_running.Count > 0 || _isFinishing) return;
        _isFinishing = true;
        _ = Scheduler.Post(Finish);
    }

    private async Task Finish()
    {
        GrainTimer[] timers;
        lock (_gate) timers = [.. _timers];
        foreach (var timer in timers) timer.Dispose();
        using var patience = new CancellationTokenSource(Node.Collection.DeactivationTimeout, Node.Time);
        if (_wasValid)
        {
            try
            {
                await ((IGrainBase)GrainInstance!).OnDeactivateAsync(_reason, patience.Token).WaitAsync(patience.Token);
            }
            catch (Exception failure)
            {
                Node.Log.DeactivationFailed(GrainId, failure);
            }
        }

        try
        {
            if (_enumerations is not null) await _enumerations.DisposeAsync();
            if (GrainInstance is IAsyncDisposable asynchronous) await asynchronous.DisposeAsync();
            else if (GrainInstance is IDisposable disposable) disposable.Dispose();
            await _scope.DisposeAsync();
        }
        catch (Exception failure)
        {
            Node.Log.DeactivationFailed(GrainId, failure);
        }

        Message[] left;
        lock (_gate)
        {
            _phase = Phase.Gone;
            left = [.. _waiting.Where(m => !m.IsLocalOnly)];
            _waiting.Clear();
        }

        _onGone(this);
        _activationCancellation.Dispose();
        _deactivated.TrySetResult();
        foreach (var message in left)
        {
            message.At = null;
            message.Forwards++;
            if (_reason is { ReasonCode: DeactivationReasonCode.ActivationFailed, Exception: { } failure })
                message.FailWithCopy(failure, Node);
            else
                Node.Cluster.Send(message);
        }
    }
}
