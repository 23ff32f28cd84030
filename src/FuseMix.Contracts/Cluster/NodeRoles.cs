namespace FuseMix.Contracts.Cluster;

/// <summary>What a node may do. A node has one or more roles; grains are placed on nodes that have theirs.</summary>
public static class NodeRoles
{
    /// <summary>Takes requests from outside and encodes queries.</summary>
    public const string Gateway = "gateway";

    /// <summary>Runs encoders over datasets.</summary>
    public const string Extract = "extract";

    /// <summary>Owns a training device.</summary>
    public const string Train = "train";

    /// <summary>Holds index shards.</summary>
    public const string Index = "index";

    /// <summary>Generates pictures.</summary>
    public const string Generate = "generate";

    /// <summary>Every role, which is what a node on its own has.</summary>
    public static readonly IReadOnlyList<string> All = [Gateway, Extract, Train, Index, Generate];
}
