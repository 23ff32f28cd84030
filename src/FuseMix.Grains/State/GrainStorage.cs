namespace FuseMix.Grains.State;

/// <summary>Where grains keep their state.</summary>
public static class GrainStorage
{
    /// <summary>Name of the one storage provider.</summary>
    public const string Name = "grains";
}
