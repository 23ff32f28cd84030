namespace FuseMix.Retrieval.Search;

/// <summary>One result.</summary>
/// <param name="Id">The item's id.</param>
/// <param name="Score">The fp32 dot product of query and embedding: the cosine where the query has unit length.</param>
/// <param name="Row">The item's row in its shard.</param>
public readonly record struct SearchHit(string Id, float Score, int Row);
