using FuseMix.Contracts.Cluster;
using Orleans.Placement;
using Orleans.Runtime;

namespace FuseMix.Grains.Placement;

/// <summary>Places a grain on an active node that has a role.</summary>
public abstract class NodeRolePlacement : PlacementStrategy
{
    /// <summary>The role, one of <see cref="NodeRoles"/>.</summary>
    public abstract string Role { get; }
}

/// <summary>Placement on nodes with the role <see cref="NodeRoles.Extract"/>.</summary>
[Serializable]
public sealed class ExtractPlacement : NodeRolePlacement
{
    /// <inheritdoc/>
    public override string Role => NodeRoles.Extract;
}

/// <summary>Placement on nodes with the role <see cref="NodeRoles.Train"/>.</summary>
[Serializable]
public sealed class TrainPlacement : NodeRolePlacement
{
    /// <inheritdoc/>
    public override string Role => NodeRoles.Train;
}

/// <summary>Placement on nodes with the role <see cref="NodeRoles.Index"/>.</summary>
[Serializable]
public sealed class IndexPlacement : NodeRolePlacement
{
    /// <inheritdoc/>
    public override string Role => NodeRoles.Index;
}

/// <summary>Marks a grain that works where encoders run.</summary>
[AttributeUsage(AttributeTargets.Class)]
public sealed class ExtractPlacementAttribute() : PlacementAttribute(new ExtractPlacement());

/// <summary>Marks a grain that works where the training device is.</summary>
[AttributeUsage(AttributeTargets.Class)]
public sealed class TrainPlacementAttribute() : PlacementAttribute(new TrainPlacement());

/// <summary>Marks a grain that holds a piece of an index.</summary>
[AttributeUsage(AttributeTargets.Class)]
public sealed class IndexPlacementAttribute() : PlacementAttribute(new IndexPlacement());
