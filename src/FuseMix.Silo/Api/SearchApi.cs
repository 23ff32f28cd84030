using FuseMix.Contracts.Catalog;
using FuseMix.Contracts.Cluster;
using FuseMix.Contracts.Collections;
using FuseMix.Contracts.Search;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Orleans;

namespace FuseMix.Silo.Api;

/// <summary>The HTTP face of collections and search, under <c>/api/v1</c>.</summary>
internal static class SearchApi
{
    /// <summary>Largest picture or sound that a query may carry, in bytes.</summary>
    private const long MaxUpload = 16 << 20;

    public static void Map(IEndpointRouteBuilder routes)
    {
        var api = routes.MapGroup("/api/v1");
        api.MapGet("/cluster", (IGrainFactory grains) => grains.GetGrain<IClusterGrain>(0).Status());
        api.MapGet("/collections", async (IGrainFactory grains) =>
        {
            var names = await grains.GetGrain<ICatalogGrain>(0).Collections();
            return await Task.WhenAll(names.Select(name => grains.GetGrain<ICollectionGrain>(name).Status()));
        });
        api.MapGet("/collections/{name}", (string name, IGrainFactory grains) => Collection(grains, name).Status());
        api.MapGet("/collections/{name}/search", SearchByQueryString);
        api.MapPost("/collections/{name}/search", SearchByBody);
        api.MapPost("/collections/{name}/search/{modality}", SearchByUpload);
        api.MapGet("/collections/{name}/items/{id}/content", ItemContent);
    }

    private static ICollectionGrain Collection(IGrainFactory grains, string name) =>
        grains.GetGrain<ICollectionGrain>(ResourceName.Require(name, "collection"));

    private static Task<SearchResponse> SearchByQueryString(
        string name, string? q, string? minus, string? item, string? target, int? k, IGrainFactory grains, CancellationToken cancellationToken)
    {
        var terms = new List<QueryTerm>();
        if (!string.IsNullOrWhiteSpace(q)) terms.Add(new QueryTerm { Text = q });
        if (!string.IsNullOrWhiteSpace(item)) terms.Add(new QueryTerm { ItemId = item });
        if (!string.IsNullOrWhiteSpace(minus)) terms.Add(new QueryTerm { Text = minus, Weight = -0.5f });
        if (terms.All(term => term.Weight < 0))
        {
            throw new FuseMixException(FailureKind.Invalid, "The search says nothing to look for.", "Give q=TEXT or item=ID.");
        }

        return Search(grains, new SearchRequest(name, [new SearchQuery([.. terms])], ParseModality(target), k ?? 12), cancellationToken);
    }

    private static Task<SearchResponse> SearchByBody(string name, SearchBody body, IGrainFactory grains, CancellationToken cancellationToken) =>
        Search(
            grains,
            new SearchRequest(name, body.Queries, body.Target, body.K) { MinScore = body.MinScore, Filter = body.Filter, Exclude = body.Exclude },
            cancellationToken);

    private static async Task<SearchResponse> SearchByUpload(
        string name, string modality, string? target, int? k, HttpRequest request, IGrainFactory grains, CancellationToken cancellationToken)
    {
        var kind = ParseModality(modality)!.Value;
        using var content = new MemoryStream();
        var buffer = new byte[1 << 16];
        int read;
        while ((read = await request.Body.ReadAsync(buffer, cancellationToken)) > 0)
        {
            if (content.Length + read > MaxUpload)
            {
                throw new BadHttpRequestException($"The upload is larger than {MaxUpload >> 20} MiB.", StatusCodes.Status413PayloadTooLarge);
            }

            content.Write(buffer, 0, read);
        }

        var query = SearchQuery.OfContent(kind, content.ToArray());
        return await Search(grains, new SearchRequest(name, [query], ParseModality(target), k ?? 12), cancellationToken);
    }

    private static async Task<IResult> ItemContent(string name, string id, IGrainFactory grains, ItemContents contents)
    {
        var collection = await Collection(grains, name).Status();
        var (bytes, mediaType) = await contents.Read(collection.Dataset, id);
        return Results.Bytes(bytes, mediaType);
    }

    private static Task<SearchResponse> Search(IGrainFactory grains, SearchRequest request, CancellationToken cancellationToken)
    {
        _ = ResourceName.Require(request.Collection, "collection");
        return grains.GetGrain<ISearchGrain>(0).Search(request, cancellationToken);
    }

    private static Modality? ParseModality(string? text) => text switch
    {
        null or "" or "any" => null,
        _ when Enum.TryParse<Modality>(text, ignoreCase: true, out var modality) && Enum.IsDefined(modality) => modality,
        _ => throw FuseMixException.UnknownName(
            "modality", text, Enum.GetNames<Modality>().Select(modality => modality.ToLowerInvariant()), FailureKind.Invalid),
    };

    private sealed record SearchBody(SearchQuery[] Queries, Modality? Target, int K = 10)
    {
        public float? MinScore { get; init; }

        public Dictionary<string, string[]>? Filter { get; init; }

        public string[]? Exclude { get; init; }
    }
}
