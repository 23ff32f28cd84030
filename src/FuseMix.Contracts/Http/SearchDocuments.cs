using FuseMix.Contracts.Collections;
using FuseMix.Contracts.Search;

namespace FuseMix.Contracts.Http;

/// <summary>What kind of items a search finds.</summary>
public enum SearchTarget
{
    /// <summary>Pictures.</summary>
    Image,

    /// <summary>Texts.</summary>
    Text,

    /// <summary>Sounds.</summary>
    Audio,

    /// <summary>Items of every kind.</summary>
    Any,
}

/// <summary>Targets as documents name them, and as requests do.</summary>
public static class SearchTargets
{
    /// <summary>The target of a request in its word.</summary>
    /// <param name="target">The modality; null for any.</param>
    public static SearchTarget Named(this Modality? target) => target is { } modality ? Enum.Parse<SearchTarget>(modality.ToString()) : SearchTarget.Any;

    /// <summary>What a word means for a request: the modality, null for any.</summary>
    /// <param name="target">The word; null where nobody says.</param>
    public static Modality? Meant(this SearchTarget? target) => target switch
    {
        null => SearchRequest.DefaultTarget,
        SearchTarget.Any => null,
        { } word => Enum.Parse<Modality>(word.ToString()),
    };
}

/// <summary>Queries to one collection, and what holds for all of them.</summary>
/// <param name="Queries">1 to 1,024 queries, answered in order.</param>
/// <param name="Target">What kind of items to find; 'image' where missing.</param>
/// <param name="K">Hits wanted per query, 1 to 10,000 and over all queries at most 250,000; 10 where missing.</param>
/// <param name="MinScore">Least cosine of a hit; no threshold where missing.</param>
/// <param name="Filter">Metadata that a hit must have: key to any of these values.</param>
/// <param name="Exclude">Ids never to return.</param>
/// <param name="DeadlineMs">Milliseconds after which the answer goes out without the shards that have not answered: 0 to 60,000, 10,000 where missing.</param>
/// <remarks>Generated readers forget what an init-only property is set to where its key is missing: hence null for "as usual".</remarks>
public sealed record SearchBody(
    QueryBody?[]? Queries,
    SearchTarget? Target = null,
    int? K = null,
    float? MinScore = null,
    Dictionary<string, string[]>? Filter = null,
    string[]? Exclude = null,
    int? DeadlineMs = null)
{
    /// <summary>What to send for a request.</summary>
    public static SearchBody Of(SearchRequest request) => new(
        [.. request.Queries.Select(QueryBody.Of)], request.Target.Named(), request.K, request.MinScore, request.Filter, request.Exclude,
        (int)Math.Clamp(request.Deadline.TotalMilliseconds, int.MinValue, int.MaxValue));

    /// <summary>The request to that collection.</summary>
    /// <exception cref="FuseMixException">There are no queries, or a null stands where a value must.</exception>
    public SearchRequest ToRequest(string collection)
    {
        if (Queries is null)
        {
            throw new FuseMixException(
                FailureKind.Invalid, "The body of the request has no 'queries'.", """Give e.g. {"queries":[{"terms":[{"text":"a red car"}]}]}.""");
        }

        if (Queries.Any(query => query?.Terms?.Contains(null) != false)) throw Null("queries");
        if (Filter?.Values.Any(values => values?.Contains(null!) != false) == true) throw Null("filter");
        if (Exclude?.Contains(null!) == true) throw Null("exclude");
        var request = new SearchRequest(collection, [.. Queries.Select(query => query!.ToQuery())], Target.Meant(), K ?? SearchRequest.DefaultK)
        {
            MinScore = MinScore,
            Filter = Filter,
            Exclude = Exclude,
        };
        return DeadlineMs is { } milliseconds ? request with { Deadline = TimeSpan.FromMilliseconds(milliseconds) } : request;
    }

    private static FuseMixException Null(string key) => new(
        FailureKind.Invalid, $"A part of '{key}' in the body of the request is null or missing.", "Give it, or leave the whole key out.");
}

/// <summary>One query: a weighted sum of terms in the shared space.</summary>
/// <param name="Terms">1 to 64 terms.</param>
public sealed record QueryBody(TermBody?[]? Terms)
{
    /// <summary>What to send for a query.</summary>
    public static QueryBody Of(SearchQuery query) => new([.. query.Terms.Select(TermBody.Of)]);

    internal SearchQuery ToQuery() => new([.. Terms!.Select(term => term!.ToTerm())]);
}

/// <summary>One term of a query: it has exactly one of text, content, itemId, latent and embedding.</summary>
/// <param name="Text">A text to encode; not one of white space and characters that cannot be seen alone.</param>
/// <param name="Content">The bytes of a picture, in base64, also the URL-safe one, or as a data URI, with the modality 'image'; sounds are given by 'latent'.</param>
/// <param name="ItemId">Id of an item of the collection.</param>
/// <param name="Latent">An output of the fusion model's encoder of 'modality'.</param>
/// <param name="Embedding">A vector of the shared space.</param>
/// <param name="Modality">What 'content' or 'latent' is.</param>
/// <param name="Weight">Factor of this term in the sum, 1 where missing; a negative one moves away from it. Only the ratios of weights matter.</param>
public sealed record TermBody(
    string? Text = null,
    byte[]? Content = null,
    string? ItemId = null,
    float[]? Latent = null,
    float[]? Embedding = null,
    Modality? Modality = null,
    float? Weight = null)
{
    /// <summary>What to send for a term.</summary>
    public static TermBody Of(QueryTerm term) => new(term.Text, term.Content, term.ItemId, term.Latent, term.Embedding, term.Modality, term.Weight);

    internal QueryTerm ToTerm() => new()
    {
        Text = Text,
        Content = Content,
        ItemId = ItemId,
        Latent = Latent,
        Embedding = Embedding,
        Modality = Modality,
        Weight = Weight ?? 1,
    };
}

/// <summary>The answer to a search, which is never silently short.</summary>
/// <param name="Collection">Name of the collection.</param>
/// <param name="Generation">The one generation that answered.</param>
/// <param name="Complete">False where a shard did not answer within the deadline.</param>
/// <param name="MissingShards">The shards that did not answer, each with the reason.</param>
/// <param name="Results">Per query, the best hit first.</param>
/// <param name="ElapsedMs">Milliseconds in the search grain.</param>
public sealed record SearchAnswer(string Collection, string Generation, bool Complete, string[] MissingShards, Hit[][] Results, double ElapsedMs)
{
    /// <summary>What to answer for a response.</summary>
    public static SearchAnswer Of(SearchResponse response) => new(
        response.Collection,
        response.Generation,
        response.Complete,
        response.MissingShards,
        response.Results,
        Math.Round(response.Elapsed.TotalMilliseconds, 3));

    /// <summary>The response that was answered.</summary>
    public SearchResponse ToResponse() => new(Collection, Generation, Complete, MissingShards, Results, TimeSpan.FromMilliseconds(ElapsedMs));
}
