using FuseMix.Contracts.Catalog;
using FuseMix.Contracts.Cluster;
using FuseMix.Contracts.Collections;
using FuseMix.Contracts.Search;
using FuseMix.Storage;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Net.Http.Headers;
using Orleans;

namespace FuseMix.Silo.Api;

/// <summary>The HTTP face of collections and search, under <c>/api/v1</c>.</summary>
internal static class SearchApi
{
    /// <summary>Largest picture or sound that may be uploaded, in bytes.</summary>
    private const int MaxUpload = 16 << 20;

    /// <summary>Largest JSON body, in bytes: an upload in base64, and room for the rest.</summary>
    public const int MaxBody = 24 << 20;

    /// <summary>Most hits that one request may ask for, over all its queries: an answer is put together in memory.</summary>
    private const int MaxHits = 250_000;

    /// <summary>Hits per query where the caller does not say.</summary>
    public const int DefaultK = 10;

    private static readonly string[] Reading = [HttpMethods.Get, HttpMethods.Head];

    public static void Map(IEndpointRouteBuilder routes)
    {
        var api = routes.MapGroup("/api/v1");
        api.MapMethods("/cluster", Reading, Cluster);
        api.MapMethods("/collections", Reading, Collections);
        api.MapMethods("/collections/{name}", Reading, OneCollection);
        api.MapMethods("/collections/{name}/content", Reading, Content);
        api.MapMethods("/collections/{name}/search", Reading, SearchByQueryString);
        api.MapPost("/collections/{name}/search", SearchByBody);
        api.MapPost("/collections/{name}/search/{modality}", SearchByUpload);
    }

    private static async Task<IResult> Cluster(HttpRequest request, IGrainFactory grains)
    {
        _ = new QueryParameters(request);
        return Results.Json(await grains.GetGrain<IClusterGrain>(0).Status(), SearchDocuments.Relaxed.ClusterStatus);
    }

    private static async Task<IResult> Collections(HttpRequest request, IGrainFactory grains)
    {
        _ = new QueryParameters(request);
        var names = await grains.GetGrain<ICatalogGrain>(0).Collections();
        var all = await Task.WhenAll(names.Select(name => grains.GetGrain<ICollectionGrain>(name).Status()));
        return Results.Json(all, SearchDocuments.Relaxed.CollectionStatusArray);
    }

    private static async Task<IResult> OneCollection(string name, HttpRequest request, IGrainFactory grains)
    {
        _ = new QueryParameters(request);
        return Results.Json(await StatusOf(name, grains), SearchDocuments.Relaxed.CollectionStatus);
    }

    /// <remarks>The id is no part of the path: ids may hold '/', and paths are tidied on their way.</remarks>
    private static async Task<IResult> Content(string name, HttpRequest request, IGrainFactory grains, IHomeFiles files, CancellationToken cancellationToken)
    {
        var id = new QueryParameters(request, "item").Text("item")
            ?? throw new FuseMixException(FailureKind.Invalid, "No item is named.", "Give item=ID.");
        var collection = await StatusOf(name, grains);
        var content = await files.Content(collection.Dataset, id, cancellationToken);
        request.HttpContext.Response.Headers.CacheControl = "private, max-age=60";
        return Results.Bytes(content.Bytes, content.MediaType, entityTag: new EntityTagHeaderValue($"\"{content.Sha256}\""));
    }

    private static Task<IResult> SearchByQueryString(string name, HttpRequest request, IGrainFactory grains, CancellationToken cancellationToken)
    {
        var parameters = new QueryParameters(request, "q", "minus", "item", "target", "k");
        var terms = new List<QueryTerm>();
        if (parameters.Text("q") is { } text) terms.Add(new QueryTerm { Text = text });
        if (parameters.Text("item") is { } item) terms.Add(new QueryTerm { ItemId = item });
        if (terms.Count == 0) throw new FuseMixException(FailureKind.Invalid, "The search says nothing to look for.", "Give q=TEXT or item=ID.");
        if (parameters.Text("minus") is { } minus) terms.Add(new QueryTerm { Text = minus, Weight = -0.5f });
        return Search(name, new SearchQuery([.. terms]), parameters, grains, cancellationToken);
    }

    private static async Task<IResult> SearchByBody(string name, HttpRequest request, IGrainFactory grains, CancellationToken cancellationToken)
    {
        _ = new QueryParameters(request);
        if (!request.HasJsonContentType())
        {
            throw new BadHttpRequestException(
                $"The body of a search is JSON, but its content type is '{request.ContentType}'.", StatusCodes.Status415UnsupportedMediaType);
        }

        var bytes = await RequestBody.Read(request, MaxBody, cancellationToken);
        var body = StrictJson.Read(bytes, SearchDocuments.Default.SearchBody, "The body of the request");
        return await Search(body.ToRequest(name), grains, cancellationToken);
    }

    private static async Task<IResult> SearchByUpload(
        string name, string modality, HttpRequest request, IGrainFactory grains, CancellationToken cancellationToken)
    {
        var parameters = new QueryParameters(request, "target", "k");
        var kind = ParseModality(modality);
        var content = await RequestBody.Read(request, MaxUpload, cancellationToken);
        return await Search(name, SearchQuery.OfContent(kind, content), parameters, grains, cancellationToken);
    }

    private static Task<IResult> Search(
        string name, SearchQuery query, QueryParameters parameters, IGrainFactory grains, CancellationToken cancellationToken)
    {
        Modality? target = parameters.Text("target") is { } word and not "any" ? ParseModality(word) : null;
        return Search(new SearchRequest(name, [query], target, parameters.Integer("k") ?? DefaultK), grains, cancellationToken);
    }

    private static async Task<IResult> Search(SearchRequest request, IGrainFactory grains, CancellationToken cancellationToken)
    {
        _ = ResourceName.Require(request.Collection, "collection");
        if ((long)request.Queries.Length * request.K > MaxHits)
        {
            throw new FuseMixException(
                FailureKind.Invalid,
                $"{request.Queries.Length} queries with k = {request.K} are more than the {MaxHits} hits that one request may ask for.",
                "Send fewer queries at once, or ask for fewer hits.");
        }

        var response = await grains.GetGrain<ISearchGrain>(0).Search(request, cancellationToken);
        return Results.Json(SearchAnswer.Of(response), SearchDocuments.Relaxed.SearchAnswer);
    }

    private static Task<CollectionStatus> StatusOf(string name, IGrainFactory grains) =>
        grains.GetGrain<ICollectionGrain>(ResourceName.Require(name, "collection")).Status();

    private static Modality ParseModality(string word)
    {
        foreach (var modality in Enum.GetValues<Modality>())
        {
            if (modality.ToString().Equals(word, StringComparison.OrdinalIgnoreCase)) return modality;
        }

        var known = Enum.GetNames<Modality>().Select(name => name.ToLowerInvariant());
        throw FuseMixException.UnknownName("modality", word, known, FailureKind.Invalid);
    }
}
