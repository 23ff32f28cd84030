using System.Diagnostics.CodeAnalysis;
using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Orleans.Configuration;
using Orleans.Metadata;
using Orleans.Runtime.Placement;

namespace Orleans.Runtime;

/// <summary>Registered where the node passes spans on.</summary>
internal sealed class ActivityPropagation;

/// <summary>One simulated node: a host's services, and the activations that run on them.</summary>
internal sealed class Node : ILocalSiloDetails, ISiloStatusOracle
{
    private readonly Dictionary<GrainId, List<Activation>> _workers = [];
    private readonly HashSet<Activation> _activations = [];
    private readonly Dictionary<GrainType, (GrainClass Class, PlacementStrategy Strategy, IPlacementDirector? Director)> _placements = [];
    private readonly List<WeakReference<ISiloStatusListener>> _listeners = [];
    private ITimer? _collector;

    public Node(ClusterCore cluster, IServiceProvider services)
    {
        (Cluster, Services) = (cluster, services);
        Collection = services.GetRequiredService<IOptions<GrainCollectionOptions>>().Value;
        if (Collection.CollectionAge <= Collection.CollectionQuantum)
        {
            throw new OrleansConfigurationException(
                $"GrainCollectionOptions: CollectionAge is {Collection.CollectionAge}; "
                + $"it must be greater than CollectionQuantum, which is {Collection.CollectionQuantum}.");
        }

        Factory = new GrainFactory(cluster, this, services, services.GetRequiredService<IOptions<SiloMessagingOptions>>().Value.ResponseTimeout);
        Log = new RuntimeLog(services.GetService<ILoggerFactory>()?.CreateLogger("FuseMix.Embedded") ?? NullLogger.Instance);
        var generation = cluster.NextGeneration();
        Address = SiloAddress.New(IPAddress.Loopback, 11_110 + generation, generation);
        Name = services.GetRequiredService<IOptions<SiloOptions>>().Value.SiloName is { Length: > 0 } name ? name : $"Silo_{generation}";
        ClusterId = services.GetRequiredService<IOptions<ClusterOptions>>().Value.ClusterId;
        PropagatesActivity = services.GetService<ActivityPropagation>() is not null;
    }

    public ClusterCore Cluster { get; }

    public IServiceProvider Services { get; }

    public GrainFactory Factory { get; }

    public TimeProvider Time => Factory.Time;

    public GrainCollectionOptions Collection { get; }

    public RuntimeLog Log { get; }

    /// <summary>Whether grains go on with the span of their caller.</summary>
    public bool PropagatesActivity { get; }

    public string Name { get; }

    public string ClusterId { get; }

    public SiloAddress Address { get; }

    public SiloStatus Status { get; private set; } = SiloStatus.Created;

    public string DnsHostName => Environment.MachineName;

    public SiloAddress SiloAddress => Address;

    public SiloAddress GatewayAddress => Address;

    public SiloStatus CurrentStatus => Status;

    public string SiloName => Name;

    public SiloAddress[] GetActiveSilos() => [.. Cluster.ActiveNodes().Select(n => n.Address)];

    public SiloStatus GetApproximateSiloStatus(SiloAddress siloAddress) => Cluster.Find(siloAddress)?.Status ?? SiloStatus.None;

    public Dictionary<SiloAddress, SiloStatus> GetApproximateSiloStatuses(bool onlyActive = false) =>
        Cluster.Nodes().Where(n => !onlyActive || n.Status is SiloStatus.Active).ToDictionary(n => n.Address, n => n.Status);

    public bool TryGetSiloName(SiloAddress siloAddress, [NotNullWhen(true)] out string? siloName) =>
        (siloName = Cluster.Find(siloAddress)?.Name) is not null;

    public bool IsDeadSilo(SiloAddress silo) => Cluster.Find(silo)?.Status is SiloStatus.Dead;

    public bool SubscribeToSiloStatusEvents(ISiloStatusListener observer)
    {
        lock (_listeners)
        {
            if (Listeners().Contains(observer)) return false;
            _listeners.Add(new WeakReference<ISiloStatusListener>(observer));
            return true;
        }
    }

    public bool UnSubscribeFromSiloStatusEvents(ISiloStatusListener observer)
    {
        lock (_listeners) return _listeners.RemoveAll(l => l.TryGetTarget(out var target) && ReferenceEquals(target, observer)) > 0;
    }

    public void Notify(SiloAddress changed, SiloStatus status)
    {
        ISiloStatusListener[] all;
        lock (_listeners) all = [.. Listeners()];
        foreach (var listener in all) listener.SiloStatusChangeNotification(changed, status);
    }

    public void Join()
    {
        Cluster.Add(this);
        Become(SiloStatus.Active);
        _collector = Time.CreateTimer(static node => ((Node)node!).CollectIdle(), this, Collection.CollectionQuantum, Collection.CollectionQuantum);
        Log.NodeJoined(Name, Address);
    }

    /// <summary>Ends in order: no new activations here, each one finishes its calls and is deactivated; what waited goes elsewhere.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        if (Status is not SiloStatus.Active) return;
        Become(SiloStatus.ShuttingDown);
        var reason = new DeactivationReason(DeactivationReasonCode.ShuttingDown, "This process is terminating.");
        foreach (var activation in Snapshot()) activation.Deactivate(reason, cancellationToken);
        try
        {
            await Task.WhenAll(Snapshot().Select(a => a.Deactivated)).WaitAsync(cancellationToken);
        }
        catch (OperationCanceledException)
        {
            // Out of patience: what still runs is cut off below, and its callers are told.
        }

        End();
    }

    /// <summary>Ends as if the power went: nothing is deactivated, no turn runs any more, callers get <see cref="SiloUnavailableException"/>.</summary>
    public void Kill()
    {
        if (Status is not SiloStatus.Dead) End();
    }

    /// <summary>A new activation; null when the node no longer takes any, so that none escapes the node's end.</summary>
    public Activation? TryCreate(GrainClass grainClass, GrainId id, Action<Activation> onGone)
    {
        Activation activation;
        lock (_activations)
        {
            if (Status is not SiloStatus.Active) return null;
            activation = new Activation(this, grainClass, id, gone =>
            {
                lock (_activations) _activations.Remove(gone);
                onGone(gone);
            });
            _activations.Add(activation);
        }

        activation.Start();
        return activation;
    }

    /// <summary>
    /// The least busy worker of a stateless class; another is made while all are busy and there may be more. Null when the node takes no more.
    /// </summary>
    public Activation? Worker(GrainClass grainClass, GrainId id, int maximum)
    {
        lock (_workers)
        {
            if (!_workers.TryGetValue(id, out var workers)) _workers[id] = workers = [];
            var least = workers.MinBy(w => w.Load);
            if (least is not null && (least.Load == 0 || workers.Count >= maximum)) return least;
            var created = TryCreate(grainClass, id, gone =>
            {
                lock (_workers)
                {
                    workers.Remove(gone);
                    if (workers.Count == 0 && _workers.TryGetValue(id, out var current) && ReferenceEquals(current, workers)) _workers.Remove(id);
                }
            });
            if (created is not null) workers.Add(created);
            return created;
        }
    }

    /// <summary>Class, strategy and director of a grain; the director is null for the default, which is any node.</summary>
    public (GrainClass Class, PlacementStrategy Strategy, IPlacementDirector? Director) PlacementOf(GrainType type)
    {
        lock (_placements)
        {
            if (_placements.TryGetValue(type, out var known)) return known;
            var grainClass = GrainClasses.Named(type);
            var properties = grainClass.Properties(Services);
            if (!properties.Properties.TryGetValue(WellKnownGrainTypeProperties.PlacementStrategy, out var name))
                return _placements[type] = (grainClass, new RandomPlacement(), null);
            var strategy = Services.GetKeyedService<PlacementStrategy>(name)
                ?? throw new KeyNotFoundException($"Could not resolve placement strategy {name} for grain type {type}.");
            strategy.Initialize(properties);
            return _placements[type] = (grainClass, strategy, Services.GetKeyedService<IPlacementDirector>(strategy.GetType()));
        }
    }

    private void CollectIdle()
    {
        foreach (var activation in Snapshot()) activation.CollectIfIdle();
    }

    private void End()
    {
        _collector?.Dispose();
        Become(SiloStatus.Dead);
        foreach (var message in Snapshot().SelectMany(a => a.Kill()))
        {
            message.Fail(new SiloUnavailableException($"The target silo became unavailable for message: {message}."));
        }

        Log.NodeLeft(Name, Status);
    }

    private Activation[] Snapshot()
    {
        lock (_activations) return [.. _activations];
    }

    private void Become(SiloStatus status)
    {
        lock (_activations) Status = status;
        foreach (var node in Cluster.Nodes()) node.Notify(Address, status);
    }

    private IEnumerable<ISiloStatusListener> Listeners() =>
        _listeners.Select(l => l.TryGetTarget(out var target) ? target : null).OfType<ISiloStatusListener>();
}
