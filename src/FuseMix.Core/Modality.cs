namespace FuseMix.Core;

/// <summary>What kind of thing an item is.</summary>
public enum Modality
{
    /// <summary>A picture.</summary>
    Image,

    /// <summary>A written text.</summary>
    Text,

    /// <summary>A sound.</summary>
    Audio,
}
