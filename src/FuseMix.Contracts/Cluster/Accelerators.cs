namespace FuseMix.Contracts.Cluster;

/// <summary>What a node may have beside its processor.</summary>
public static class Accelerators
{
    /// <summary>A CUDA GPU.</summary>
    public const string Cuda = "cuda";

    /// <summary>Every accelerator that work can ask for.</summary>
    public static readonly IReadOnlyList<string> Known = [Cuda];
}
