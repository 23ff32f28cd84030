using FuseMix.Contracts.Collections;
using FuseMix.Contracts.Search;

namespace FuseMix.Silo.Api;

/// <summary>The body of a search; see <see cref="SearchRequest"/>.</summary>
/// <remarks>Generated readers forget what an init-only property is set to where its key is missing: hence null for "as usual".</remarks>
internal sealed record SearchBody(
    QueryBody?[]? Queries,
    Modality? Target,
    int? K,
    float? MinScore,
    Dictionary<string, string[]>? Filter,
    string[]? Exclude,
    int? DeadlineMs)
{
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
        var request = new SearchRequest(collection, [.. Queries.Select(query => query!.ToQuery())], Target, K ?? SearchApi.DefaultK)
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

/// <summary>See <see cref="SearchQuery"/>.</summary>
internal sealed record QueryBody(TermBody?[]? Terms)
{
    public SearchQuery ToQuery() => new([.. Terms!.Select(term => term!.ToTerm())]);
}

/// <summary>See <see cref="QueryTerm"/>.</summary>
internal sealed record TermBody(
    string? Text, byte[]? Content, string? ItemId, float[]? Latent, float[]? Embedding, Modality? Modality, float? Weight)
{
    public QueryTerm ToTerm() => new()
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

/// <summary>The answer to a search; see <see cref="SearchResponse"/>.</summary>
internal sealed record SearchAnswer(string Collection, string Generation, bool Complete, string[] MissingShards, Hit[][] Results, double ElapsedMs)
{
    public static SearchAnswer Of(SearchResponse response) => new(
        response.Collection,
        response.Generation,
        response.Complete,
        response.MissingShards,
        response.Results,
        Math.Round(response.Elapsed.TotalMilliseconds, 3));
}
