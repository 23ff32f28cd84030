namespace Orleans.Configuration;

/// <summary>What a node is called.</summary>
public class SiloOptions
{
    /// <summary>The name; FuseMix keeps the node's roles in it, e.g. "extract+index@host-1".</summary>
    public string SiloName { get; set; } = null!;
}

/// <summary>What the cluster is called.</summary>
public class ClusterOptions
{
    /// <summary>The default name of either.</summary>
    public const string DefaultClusterId = "default";

    /// <summary>The name of this run of the service.</summary>
    public string ClusterId { get; set; } = DefaultClusterId;

    /// <summary>The name of the service.</summary>
    public string ServiceId { get; set; } = DefaultClusterId;
}

/// <summary>How calls behave.</summary>
public abstract class MessagingOptions
{
    /// <summary>How long a caller waits.</summary>
    public TimeSpan ResponseTimeout { get; set; } = TimeSpan.FromSeconds(30);
}

/// <summary>How calls made on a node behave.</summary>
public class SiloMessagingOptions : MessagingOptions;

/// <summary>How calls made by a client behave.</summary>
public class ClientMessagingOptions : MessagingOptions;

/// <summary>When idle activations end.</summary>
public class GrainCollectionOptions
{
    /// <summary>How often idle activations are looked for.</summary>
    public TimeSpan CollectionQuantum { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>How long an activation may be idle; must be longer than <see cref="CollectionQuantum"/>.</summary>
    public TimeSpan CollectionAge { get; set; } = TimeSpan.FromMinutes(15);

    /// <summary>The same by full class name.</summary>
    public Dictionary<string, TimeSpan> ClassSpecificCollectionAge { get; set; } = [];

    /// <summary>How long an activation may take to start.</summary>
    public TimeSpan ActivationTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How long an activation may take to end.</summary>
    public TimeSpan DeactivationTimeout { get; set; } = TimeSpan.FromSeconds(30);
}
