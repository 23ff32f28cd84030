using Orleans.Metadata;
using Orleans.Placement;
using Orleans.Runtime;
using Orleans.Runtime.Placement;

namespace FuseMix.Embedded.Tests.Grains;

/// <summary>Places a class on nodes whose name says that they have the role.</summary>
[AttributeUsage(AttributeTargets.Class)]
public sealed class RolePlacementAttribute(string role) : PlacementAttribute(new RolePlacement(role));

public sealed class RolePlacement : PlacementStrategy
{
    public RolePlacement()
        : this("")
    {
    }

    public RolePlacement(string role) => Role = role;

    public string Role { get; private set; }

    public override void Initialize(GrainProperties properties) => Role = properties.Properties["role"];

    public override void PopulateGrainProperties(
        IServiceProvider services, Type grainClass, GrainType grainType, Dictionary<string, string> properties)
    {
        base.PopulateGrainProperties(services, grainClass, grainType, properties);
        properties["role"] = Role;
    }
}

public sealed class RoleDirector(ISiloStatusOracle oracle) : IPlacementDirector
{
    public Task<SiloAddress> OnAddActivation(PlacementStrategy strategy, PlacementTarget target, IPlacementContext context)
    {
        var role = ((RolePlacement)strategy).Role;
        var fit = context.GetCompatibleSilos(target)
            .Where(silo => oracle.TryGetSiloName(silo, out var name) && name.Split('@')[0].Split('+').Contains(role))
            .ToArray();
        return fit.Length == 0
            ? throw new FuseMixException(FailureKind.Unavailable, $"No node has the role '{role}'.", "Start one.")
            : Task.FromResult(fit[System.Random.Shared.Next(fit.Length)]);
    }
}
