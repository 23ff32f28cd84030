using System.Collections.Concurrent;
using System.Collections.Immutable;
using Orleans.Runtime.Placement;

namespace Orleans.Runtime;

/// <summary>All nodes of one process, and which of them has which grain.</summary>
internal sealed class ClusterCore
{
    private const int MaximumForwards = 2;

    private readonly ConcurrentDictionary<GrainId, Residence> _directory = new();
    private readonly ConcurrentDictionary<string, ConcurrentDictionary<string, (string ETag, object? State)>> _memory = new();
    private ImmutableList<Node> _nodes = [];
    private int _generation;

    public int NextGeneration() => Interlocked.Increment(ref _generation);

    public ImmutableList<Node> Nodes() => _nodes;

    public IEnumerable<Node> ActiveNodes() => _nodes.Where(n => n.Status is SiloStatus.Active);

    public Node? Find(SiloAddress address) => _nodes.Find(n => n.Address.Equals(address));

    public void Add(Node node)
    {
        if (ActiveNodes().FirstOrDefault(n => n.Name == node.Name) is { } twin)
            throw new OrleansConfigurationException($"There is an active node named '{twin.Name}' already.");
        ImmutableInterlocked.Update(ref _nodes, (nodes, added) => nodes.Add(added), node);
    }

    /// <summary>The records of the memory storage of that name.</summary>
    public ConcurrentDictionary<string, (string ETag, object? State)> Memory(string name) => _memory.GetOrAdd(name, _ => new());

    /// <summary>Brings a request to the grain's activation, which is made where there is none.</summary>
    public void Send(Message message)
    {
        try
        {
            if (message.Forwards > MaximumForwards)
            {
                throw new OrleansMessageRejectionException(
                    $"Forwarding failed: {message} was forwarded {message.Forwards} times; its activations kept ending.");
            }

            var sender = Gateway(message);
            var placement = sender.PlacementOf(message.Target.Type);
            if (placement.Strategy is StatelessWorkerPlacement workers) SendToWorker(message, sender, placement.Class, workers.MaxLocal);
            else while (!_directory.GetOrAdd(message.Target, static _ => new Residence()).TryReceive(message, this, sender)) { }
        }
        catch (Exception failure)
        {
            message.Fail(failure);
        }
    }

    private void SendToWorker(Message message, Node sender, GrainClass grainClass, int maximum)
    {
        while (true)
        {
            var node = sender.Status is SiloStatus.Active ? sender : Any([.. ActiveNodes()])
                ?? throw new SiloUnavailableException($"No node of the cluster is active, so nothing can take the request: {message}.");
            if (node.Worker(grainClass, message.Target, maximum)?.TryReceive(message) is true) return;
        }
    }

    /// <summary>The node that a request enters the cluster by: the sender's own, or any for a client.</summary>
    private Node Gateway(Message message)
    {
        if (message.Sender is { } sender)
        {
            return sender.Status is SiloStatus.Active or SiloStatus.ShuttingDown
                ? sender
                : throw new SiloUnavailableException($"The local node '{sender.Name}' is {sender.Status} and can no longer process the request: {message}.");
        }

        return Any([.. ActiveNodes()]) ?? throw new SiloUnavailableException($"No node of the cluster is active, so nothing can take the request: {message}.");
    }

    private static Node? Any(Node[] nodes) => nodes.Length == 0 ? null : nodes[Random.Shared.Next(nodes.Length)];

    /// <summary>Where one grain lives: its activation, or the requests that wait for one to be placed.</summary>
    private sealed class Residence
    {
        private readonly Lock _gate = new();
        private readonly List<Message> _arrived = [];
        private Activation? _activation;
        private bool _isPlacing;
        private bool _isGone;

        public bool TryReceive(Message message, ClusterCore cluster, Node sender)
        {
            lock (_gate)
            {
                if (_isGone) return false;
                if (_activation?.TryReceive(message) is true) return true;
                _activation = null;
                _arrived.Add(message);
                if (_isPlacing) return true;
                _isPlacing = true;
            }

            _ = Place(message, cluster, sender);
            return true;
        }

        private async Task Place(Message first, ClusterCore cluster, Node sender)
        {
            try
            {
                var grainClass = sender.PlacementOf(first.Target.Type).Class;
                while (true)
                {
                    var node = await Choose(first, cluster, sender).ConfigureAwait(false);
                    lock (_gate)
                    {
                        _activation = node.TryCreate(grainClass, first.Target, gone => Leave(gone, cluster));
                        // A node that began to stop while it was chosen takes none, and one that died took it along: choose again.
                        if (_activation is null) continue;
                        _arrived.RemoveAll(_activation.TryReceive);
                        if (_arrived.Count > 0) continue;
                        _isPlacing = false;
                        return;
                    }
                }
            }
            catch (Exception failure)
            {
                Message[] waiting;
                lock (_gate)
                {
                    waiting = [.. _arrived];
                    _arrived.Clear();
                    _isPlacing = false;
                    _isGone = true;
                    cluster._directory.TryRemove(new(first.Target, this));
                }

                foreach (var message in waiting) message.FailWithCopy(failure, sender);
            }
        }

        private void Leave(Activation gone, ClusterCore cluster)
        {
            lock (_gate)
            {
                if (!ReferenceEquals(_activation, gone)) return;
                _activation = null;
                if (_isPlacing) return;
                _isGone = true;
                cluster._directory.TryRemove(new(gone.GrainId, this));
            }
        }

        private static async Task<Node> Choose(Message message, ClusterCore cluster, Node sender)
        {
            var (_, strategy, director) = sender.PlacementOf(message.Target.Type);
            if (director is null)
            {
                return Any([.. cluster.ActiveNodes()])
                    ?? throw new SiloUnavailableException($"No node of the cluster is active, so {message.Target} cannot be placed.");
            }

            var target = new PlacementTarget(
                message.Target, [], GrainInterfaceType.Create(message.Interface?.FullName ?? ""), interfaceVersion: 0);
            var chosen = await director.OnAddActivation(strategy, target, new Choice(cluster, sender)).ConfigureAwait(false);
            return cluster.Find(chosen) is { Status: SiloStatus.Active } node
                ? node
                : throw new OrleansException($"The placement director of {message.Target.Type} chose {chosen}, which is not an active node.");
        }
    }

    private sealed class Choice(ClusterCore cluster, Node sender) : IPlacementContext
    {
        public SiloAddress LocalSilo => sender.Address;

        public SiloStatus LocalSiloStatus => sender.Status;

        public SiloAddress[] GetCompatibleSilos(PlacementTarget target) =>
            cluster.ActiveNodes().Select(n => n.Address).ToArray() is { Length: > 0 } all
                ? all
                : throw new OrleansException($"No active nodes are compatible with grain {target.GrainIdentity.Type} and interface {target.InterfaceType}.");
    }
}
