namespace FuseMix.Retrieval.Search;

/// <summary>What a shard found for one query, by row.</summary>
/// <param name="Rows">The rows by falling score, ties by id (code points ascending).</param>
/// <param name="Scores">Their scores.</param>
public readonly record struct FoundRows(int[] Rows, float[] Scores);
