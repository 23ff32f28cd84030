using System.Globalization;
using FuseMix.Contracts.Search;
using Orleans;
using Orleans.Concurrency;

namespace FuseMix.Contracts.Collections;

/// <summary>Holds one shard of one generation, memory-mapped, on a node with the role <see cref="Cluster.NodeRoles.Index"/>.</summary>
/// <remarks>Key: <see cref="IndexShardKey"/>. A shard never changes, so its calls interleave freely.</remarks>
[Alias("fusemix.IIndexShardGrain")]
public interface IIndexShardGrain : IGrainWithStringKey
{
    /// <summary>The best rows for each of a batch of embeddings.</summary>
    /// <exception cref="FuseMixException">The shard's file is missing or damaged, or the query does not fit it.</exception>
    [AlwaysInterleave, ResponseTimeout(SearchRequest.ResponseTimeout)]
    [Alias("Search")]
    Task<ShardAnswer> Search(ShardQuery query);

    /// <summary>What the shard knows of rows, in their order. Every replica has the same rows.</summary>
    /// <exception cref="FuseMixException">The shard's file is missing or damaged, or there is no such row.</exception>
    [AlwaysInterleave, ResponseTimeout(SearchRequest.ResponseTimeout)]
    [Alias("Describe")]
    Task<ShardItem[]> Describe(int[] rows);

    /// <summary>The embedding of an item, or null where the shard does not hold it.</summary>
    [AlwaysInterleave, ResponseTimeout(SearchRequest.ResponseTimeout)]
    [Alias("Embedding")]
    Task<float[]?> Embedding(string itemId);
}

/// <summary>Names one replica of one shard of one generation of one collection.</summary>
/// <param name="Collection">Name of the collection.</param>
/// <param name="Generation">Id of the generation.</param>
/// <param name="Shard">Name of the shard.</param>
/// <param name="Replica">Which of its replicas, from 0; they live on different nodes and hold the same file.</param>
public readonly record struct IndexShardKey(string Collection, string Generation, string Shard, int Replica = 0)
{
    /// <summary>Reads a grain key.</summary>
    public static IndexShardKey Parse(string key) => key.Split('/') is [var collection, var generation, var shard, var replica]
        && int.TryParse(replica, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
        ? new IndexShardKey(collection, generation, shard, number)
        : throw new FuseMixException(
            FailureKind.Invalid, $"'{key}' is not the key of an index shard.", "Use collection/generation/shard/replica.");

    /// <summary>The grain key.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Collection}/{Generation}/{Shard}/{Replica}");
}

/// <summary>A batch of queries to one shard.</summary>
/// <param name="Embeddings">[count × dimension], row-major, unit length.</param>
/// <param name="Count">Number of queries, at least 1.</param>
/// <param name="K">Hits wanted per query, 1 to 10,000.</param>
/// <param name="MinScore">Least cosine of a hit; null for no threshold.</param>
/// <param name="Filter">Metadata that a hit must have: key → any of these values; null for no filter.</param>
/// <param name="Exclude">Ids never to return; null for none.</param>
/// <param name="Describe">Whether to say at once what is known of every row found: for answers so small that asking again would cost
/// more.</param>
[GenerateSerializer, Immutable, Alias("fusemix.ShardQuery")]
public sealed record ShardQuery(
    float[] Embeddings, int Count, int K, float? MinScore, Dictionary<string, string[]>? Filter, string[]? Exclude, bool Describe = false);

/// <summary>What one shard found.</summary>
/// <param name="Rows">Per query the rows found, best first; of equal ones the lesser id's first.</param>
/// <param name="Scores">Per query their scores.</param>
/// <param name="Items">What is known of every row found, each once, where <see cref="ShardQuery.Describe"/> asks for it; null
/// otherwise.</param>
[GenerateSerializer, Immutable, Alias("fusemix.ShardAnswer")]
public sealed record ShardAnswer(int[][] Rows, float[][] Scores, ShardItem[]? Items = null);

/// <summary>What a shard knows of a row.</summary>
/// <param name="Row">The row.</param>
/// <param name="Id">Id of the item there.</param>
/// <param name="Metadata">What is known of the item.</param>
[GenerateSerializer, Immutable, Alias("fusemix.ShardItem")]
public sealed record ShardItem(int Row, string Id, Dictionary<string, string> Metadata);

/// <summary>An item found.</summary>
/// <param name="Id">Id of the item.</param>
/// <param name="Modality">Its modality.</param>
/// <param name="Score">Cosine of query and item, -1..1.</param>
/// <param name="Metadata">What is known of the item: caption, file, group, split and the dataset's own keys.</param>
[GenerateSerializer, Immutable, Alias("fusemix.Hit")]
public sealed record Hit(string Id, Modality Modality, float Score, Dictionary<string, string> Metadata);
