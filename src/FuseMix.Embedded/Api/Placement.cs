using System.Collections.Immutable;
using System.Globalization;
using Orleans.Metadata;
using Orleans.Runtime;

namespace Orleans.Metadata
{
    /// <summary>What is known of a grain class by name, among it the parameters of its placement.</summary>
    public sealed class GrainProperties(ImmutableDictionary<string, string> values)
    {
        /// <summary>The values by name.</summary>
        public ImmutableDictionary<string, string> Properties { get; } = values;
    }

    /// <summary>The names that the runtime itself uses in <see cref="GrainProperties"/>.</summary>
    public static class WellKnownGrainTypeProperties
    {
        /// <summary>The type name of the placement strategy.</summary>
        public const string PlacementStrategy = "placement-strategy";
    }
}

namespace Orleans.Runtime
{
    /// <summary>Where activations of a grain class go; a director decides by it.</summary>
    /// <remarks>
    /// The instance on the attribute only fills the class's properties. The one that the director gets comes from the services and
    /// reads them back in <see cref="Initialize"/>, so a strategy with parameters must implement both, and be registered as transient.
    /// </remarks>
    public abstract class PlacementStrategy
    {
        /// <summary>Whether at most one activation of an identity exists in the cluster.</summary>
        public virtual bool IsUsingGrainDirectory => true;

        /// <summary>Reads parameters from the class's properties.</summary>
        public virtual void Initialize(GrainProperties properties)
        {
        }

        /// <summary>Writes parameters to the class's properties.</summary>
        public virtual void PopulateGrainProperties(
            IServiceProvider services, Type grainClass, GrainType grainType, Dictionary<string, string> properties) =>
            properties[WellKnownGrainTypeProperties.PlacementStrategy] = GetType().Name;
    }

    /// <summary>Any node.</summary>
    public sealed class RandomPlacement : PlacementStrategy;

    /// <summary>The calling node if it can host the grain, else any.</summary>
    public sealed class PreferLocalPlacement : PlacementStrategy;

    internal sealed class StatelessWorkerPlacement(int maxLocal) : PlacementStrategy
    {
        private const string MaxLocalProperty = "max-local-instances";

        public StatelessWorkerPlacement()
            : this(-1)
        {
        }

        public int MaxLocal { get; private set; } = maxLocal > 0 ? maxLocal : Environment.ProcessorCount;

        public override bool IsUsingGrainDirectory => false;

        public override void Initialize(GrainProperties properties) =>
            MaxLocal = int.Parse(properties.Properties[MaxLocalProperty], CultureInfo.InvariantCulture);

        public override void PopulateGrainProperties(
            IServiceProvider services, Type grainClass, GrainType grainType, Dictionary<string, string> properties)
        {
            properties[MaxLocalProperty] = MaxLocal.ToString(CultureInfo.InvariantCulture);
            base.PopulateGrainProperties(services, grainClass, grainType, properties);
        }
    }
}

namespace Orleans.Placement
{
    /// <summary>Base of the attributes that give a grain class its placement.</summary>
    [AttributeUsage(AttributeTargets.Class)]
    public abstract class PlacementAttribute : Attribute
    {
        /// <summary>With that strategy.</summary>
        protected PlacementAttribute(PlacementStrategy placement)
        {
            ArgumentNullException.ThrowIfNull(placement);
            PlacementStrategy = placement;
        }

        /// <summary>The strategy.</summary>
        public PlacementStrategy PlacementStrategy { get; }

        /// <summary>Writes the strategy's name and parameters to the class's properties.</summary>
        public virtual void Populate(IServiceProvider services, Type grainClass, GrainType grainType, Dictionary<string, string> properties) =>
            PlacementStrategy.PopulateGrainProperties(services, grainClass, grainType, properties);
    }

    /// <summary>Any node.</summary>
    [AttributeUsage(AttributeTargets.Class)]
    public sealed class RandomPlacementAttribute() : PlacementAttribute(new RandomPlacement());

    /// <summary>The calling node if it can host the grain, else any.</summary>
    [AttributeUsage(AttributeTargets.Class)]
    public sealed class PreferLocalPlacementAttribute() : PlacementAttribute(new PreferLocalPlacement());
}

namespace Orleans.Runtime.Placement
{
    /// <summary>What is to be placed.</summary>
    public readonly struct PlacementTarget(
        GrainId grainIdentity, Dictionary<string, object> requestContextData, GrainInterfaceType interfaceType, ushort interfaceVersion)
    {
        /// <summary>The grain.</summary>
        public GrainId GrainIdentity { get; } = grainIdentity;

        /// <summary>The interface that is called.</summary>
        public GrainInterfaceType InterfaceType { get; } = interfaceType;

        /// <summary>Its version; 0 in the embedded runtime.</summary>
        public ushort InterfaceVersion { get; } = interfaceVersion;

        /// <summary>Values sent along; empty in the embedded runtime.</summary>
        public Dictionary<string, object> RequestContextData { get; } = requestContextData;
    }

    /// <summary>What a director may choose from.</summary>
    public interface IPlacementContext
    {
        /// <summary>The node that asks.</summary>
        SiloAddress LocalSilo { get; }

        /// <summary>That node's state.</summary>
        SiloStatus LocalSiloStatus { get; }

        /// <summary>Every active node whose application has the grain class.</summary>
        /// <exception cref="OrleansException">There is none.</exception>
        SiloAddress[] GetCompatibleSilos(PlacementTarget target);
    }

    /// <summary>Chooses a node for a new activation.</summary>
    public interface IPlacementDirector
    {
        /// <summary>The node; a failure fails the calls that wait for the activation.</summary>
        Task<SiloAddress> OnAddActivation(PlacementStrategy strategy, PlacementTarget target, IPlacementContext context);
    }
}
