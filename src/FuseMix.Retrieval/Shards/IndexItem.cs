namespace FuseMix.Retrieval.Shards;

/// <summary>One searchable item as it goes into a shard.</summary>
/// <param name="Id">Unique within the shard; 1 to 1024 bytes of valid UTF-8.</param>
/// <param name="Embedding">[dimension] of unit length (within 0.001): normalising is the caller's matter.</param>
/// <param name="Metadata">Values by column name; columns left out have no value for this item.</param>
public sealed record IndexItem(string Id, ReadOnlyMemory<float> Embedding, IReadOnlyDictionary<string, string>? Metadata = null);
