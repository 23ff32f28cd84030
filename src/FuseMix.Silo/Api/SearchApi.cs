using FuseMix.Client.Grains;
using FuseMix.Contracts.Http;
using FuseMix.Contracts.Search;
using FuseMix.Silo.Describing;
using FuseMix.Silo.Security;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace FuseMix.Silo.Api;

/// <summary>Searches.</summary>
internal static class SearchApi
{
    /// <summary>Largest picture that may be uploaded, in bytes.</summary>
    private const int MaxUpload = 16 << 20;

    /// <summary>Largest JSON body, in bytes: an upload in base64, and room for the rest.</summary>
    public const int MaxBody = 24 << 20;

    private static readonly string[] Targets = [.. Enum.GetNames<SearchTarget>().Select(name => name.ToLowerInvariant())];

    private static readonly QueryParameter[] Common =
    [
        new("target", "What kind of items to find.") { Words = Targets, Preset = SearchRequest.DefaultTarget.Word() },
        new("k", "Hits wanted.") { Range = (1, 10_000), Preset = "10" },
    ];

    public static void Map(IEndpointRouteBuilder routes)
    {
        var api = routes.About("Search");
        int[] problems = [StatusCodes.Status404NotFound, StatusCodes.Status409Conflict];
        int[] bodyProblems = [.. problems, StatusCodes.Status413PayloadTooLarge, StatusCodes.Status415UnsupportedMediaType];
        Answer[] answers = [Answer.Json<SearchAnswer>("Hits per query, the best first. Where a shard did not answer, 'complete' is false and 'missingShards' names it.")];
        api.Get("/collections/{collection}/search", SearchByQueryString, new ApiRoute("search", Scope.Read, "Search by words or by an item")
        {
            Description = "One query; where both words and an item are given, it is their sum.",
            Query =
            [
                new("q", "Words to look for.") { Example = "angry cat" },
                new("minus", "Words to move away from, with weight -0.5.") { Example = "dog" },
                new("item", "Id of an item of the collection whose like to look for.") { Example = "1f436.google" },
                .. Common,
            ],
            Answers = answers,
            Problems = problems,
            Limit = RequestLimits.Search,
        });
        api.Post("/collections/{collection}/search", SearchByBody, new ApiRoute("searchBatch", Scope.Read, "Search by several queries of weighted terms")
        {
            Description = "A term has exactly one of 'text', 'content' (base64) with 'modality', 'itemId', 'latent' with 'modality', and 'embedding'.",
            Body = Body.Json<SearchBody>(
                "The queries, and what holds for all of them.",
                """{ "queries": [ { "terms": [ { "itemId": "1f3d6-fe0f.google" }, { "text": "snow", "weight": 0.7 } ] } ], "target": "image", "k": 5, "filter": { "vendor": ["google"] }, "deadlineMs": 500 }"""),
            Answers = answers,
            Problems = bodyProblems,
            Limit = RequestLimits.Search,
        });
        api.Post("/collections/{collection}/search/{modality}", SearchByUpload, new ApiRoute("searchByFile", Scope.Read, "Search by a file")
        {
            Description = "What the file is stands in the address: 'image'. No encoder here hears sounds yet; whoever makes their latents elsewhere sends those as a term.",
            Query = Common,
            Body = new Body(typeof(Stream), "*/*", "The bytes of a picture, up to 16 MiB."),
            Answers = answers,
            Problems = bodyProblems,
            Limit = RequestLimits.Search,
        });
    }

    private static Task<IResult> SearchByQueryString(string collection, HttpRequest request, GrainCalls calls, CancellationToken cancellationToken)
    {
        var parameters = QueryParameters.Of(request);
        var terms = new List<QueryTerm>();
        var item = parameters.Text("item");

        // Forms send their empty fields, too: they count as left out, unless nothing else is looked for.
        if (parameters.Given("q") is { } text && (text.Length > 0 || item is null)) terms.Add(new QueryTerm { Text = text });
        if (item is not null) terms.Add(new QueryTerm { ItemId = item });
        if (terms.Count == 0) throw new FuseMixException(FailureKind.Invalid, "The search says nothing to look for.", "Give q=TEXT or item=ID.");
        if (parameters.Given("minus") is { Length: > 0 } minus) terms.Add(new QueryTerm { Text = minus, Weight = -0.5f });
        return Search(collection, new SearchQuery([.. terms]), parameters, calls, cancellationToken);
    }

    private static async Task<IResult> SearchByBody(string collection, HttpRequest request, GrainCalls calls, CancellationToken cancellationToken)
    {
        var body = await RequestBody.ReadJson(request, ApiJson.Default.SearchBody, cancellationToken, MaxBody);
        return await Search(body.ToRequest(collection), calls, cancellationToken);
    }

    private static async Task<IResult> SearchByUpload(
        string collection, string modality, HttpRequest request, GrainCalls calls, CancellationToken cancellationToken)
    {
        var parameters = QueryParameters.Of(request);
        var kind = ParseModality(modality);
        var content = await RequestBody.ReadFile(request, MaxUpload, cancellationToken);
        return await Search(collection, SearchQuery.OfContent(kind, content), parameters, calls, cancellationToken);
    }

    private static Task<IResult> Search(
        string collection, SearchQuery query, QueryParameters parameters, GrainCalls calls, CancellationToken cancellationToken)
    {
        var target = parameters.Word("target", Targets) is { } word ? Enum.Parse<SearchTarget>(word, ignoreCase: true) : (SearchTarget?)null;
        return Search(new SearchRequest(collection, [query], target.Meant(), parameters.Integer("k") ?? SearchRequest.DefaultK), calls, cancellationToken);
    }

    private static async Task<IResult> Search(SearchRequest request, GrainCalls calls, CancellationToken cancellationToken) =>
        Results.Json(SearchAnswer.Of(await calls.Search(request, cancellationToken)), ApiJson.Answers.SearchAnswer);

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
