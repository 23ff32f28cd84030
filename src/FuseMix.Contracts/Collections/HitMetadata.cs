namespace FuseMix.Contracts.Collections;

/// <summary>What a collection itself knows of an item, beside the metadata of its dataset.</summary>
public static class HitMetadata
{
    /// <summary>Stands before <c>caption</c>, <c>group</c> and <c>split</c> where the dataset has metadata of its own that are called
    /// so.</summary>
    public const string Prefix = "fusemix.";

    /// <summary>The text that an item is or is paired with; null where there is none.</summary>
    public static string? Caption(IReadOnlyDictionary<string, string> metadata) =>
        metadata.GetValueOrDefault($"{Prefix}caption") ?? metadata.GetValueOrDefault("caption");
}
