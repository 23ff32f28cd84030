using System.Diagnostics.CodeAnalysis;

namespace Orleans.Runtime;

/// <summary>The state of a node.</summary>
public enum SiloStatus
{
    /// <summary>Not known.</summary>
    None = 0,

    /// <summary>Created.</summary>
    Created = 1,

    /// <summary>About to join.</summary>
    Joining = 2,

    /// <summary>Takes calls.</summary>
    Active = 3,

    /// <summary>Stopping in order; takes no new activation.</summary>
    ShuttingDown = 4,

    /// <summary>Stopping at once.</summary>
    Stopping = 5,

    /// <summary>Gone.</summary>
    Dead = 6,
}

/// <summary>What can be asked of a <see cref="SiloStatus"/>.</summary>
public static class SiloStatusExtensions
{
    /// <summary>Whether the node is going or gone.</summary>
    public static bool IsTerminating(this SiloStatus siloStatus) =>
        siloStatus is SiloStatus.ShuttingDown or SiloStatus.Stopping or SiloStatus.Dead;
}

/// <summary>Told when a node changes its state.</summary>
public interface ISiloStatusListener
{
    /// <summary>That node is now in that state.</summary>
    void SiloStatusChangeNotification(SiloAddress updatedSilo, SiloStatus status);
}

/// <summary>What a node knows of all nodes.</summary>
public interface ISiloStatusOracle
{
    /// <summary>The state of this node.</summary>
    SiloStatus CurrentStatus { get; }

    /// <summary>The name of this node.</summary>
    string SiloName { get; }

    /// <summary>The address of this node.</summary>
    SiloAddress SiloAddress { get; }

    /// <summary>The addresses of the nodes that take calls.</summary>
    SiloAddress[] GetActiveSilos();

    /// <summary>The state of that node; <see cref="SiloStatus.None"/> if it was never seen.</summary>
    SiloStatus GetApproximateSiloStatus(SiloAddress siloAddress);

    /// <summary>Every node and its state, dead ones among them unless <paramref name="onlyActive"/>.</summary>
    Dictionary<SiloAddress, SiloStatus> GetApproximateSiloStatuses(bool onlyActive = false);

    /// <summary>The name of that node.</summary>
    bool TryGetSiloName(SiloAddress siloAddress, [NotNullWhen(true)] out string? siloName);

    /// <summary>Whether that node is gone.</summary>
    bool IsDeadSilo(SiloAddress silo);

    /// <summary>Tells the listener of each change; it is held weakly. False if it was told already.</summary>
    bool SubscribeToSiloStatusEvents(ISiloStatusListener observer);

    /// <summary>Stops telling the listener. False if it was not told.</summary>
    bool UnSubscribeFromSiloStatusEvents(ISiloStatusListener observer);
}

/// <summary>What a node knows of itself.</summary>
public interface ILocalSiloDetails
{
    /// <summary>Its name.</summary>
    string Name { get; }

    /// <summary>The cluster's name.</summary>
    string ClusterId { get; }

    /// <summary>The machine's name.</summary>
    string DnsHostName { get; }

    /// <summary>Its address.</summary>
    SiloAddress SiloAddress { get; }

    /// <summary>Where clients connect; in the embedded runtime the same as <see cref="SiloAddress"/>.</summary>
    SiloAddress GatewayAddress { get; }
}
