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

/// <summary>Modalities in sentences.</summary>
public static class ModalityWords
{
    /// <summary>The one word of a modality, in messages as in documents and on command lines: "audio".</summary>
    public static string Word(this Modality modality) => modality.ToString().ToLowerInvariant();
}
