using Orleans;

namespace FuseMix.Contracts.Search;

/// <summary>Answers searches: encodes the queries, takes them through the fusion model's adapters, asks every shard and merges.</summary>
/// <remarks>Stateless: any key will do, 0 by custom.</remarks>
[Alias("fusemix.ISearchGrain")]
public interface ISearchGrain : IGrainWithIntegerKey
{
    /// <summary>Searches one collection with a batch of queries.</summary>
    /// <exception cref="FuseMixException">Unknown collection or item; a query without terms, of nothing, or that cannot be decoded; K, the hits in all or
    /// the deadline out of range.</exception>
    [ResponseTimeout(SearchRequest.ResponseTimeout)]
    [Alias("Search")]
    Task<SearchResponse> Search(SearchRequest request, CancellationToken cancellationToken = default);
}
