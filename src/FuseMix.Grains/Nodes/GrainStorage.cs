namespace FuseMix.Grains.Nodes;

/// <summary>Where grains keep their state.</summary>
public static class GrainStorage
{
    /// <summary>Name of the one storage provider.</summary>
    public const string Name = "grains";
}
