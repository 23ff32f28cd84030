using FuseMix.Contracts.Collections;
using Orleans;

namespace FuseMix.Contracts.Search;

/// <summary>A search.</summary>
/// <param name="Collection">Name of the collection.</param>
/// <param name="Queries">One or more queries, answered in order.</param>
/// <param name="Target">Modality of the items wanted; null for any.</param>
/// <param name="K">Hits wanted per query, 1 to 10,000; over all queries at most <see cref="MaxHits"/>.</param>
[GenerateSerializer, Immutable, Alias("fusemix.SearchRequest")]
public sealed record SearchRequest(string Collection, SearchQuery[] Queries, Modality? Target, int K = SearchRequest.DefaultK)
{
    /// <summary>Hits wanted per query where nobody says how many.</summary>
    public const int DefaultK = 10;

    /// <summary>The modality of the items wanted where nobody says which: words are typed to find pictures, and other texts would come before them.</summary>
    public const Modality DefaultTarget = Modality.Image;

    /// <summary>Most hits that one search may ask for, over all its queries: an answer is put together in memory.</summary>
    public const int MaxHits = 250_000;

    /// <summary>How long calls of a search wait, so that it is the deadline that ends them: the longest deadline and some time to answer.</summary>
    internal const string ResponseTimeout = "00:01:30";

    /// <summary>The longest <see cref="Deadline"/>.</summary>
    public static readonly TimeSpan MaxDeadline = TimeSpan.FromMinutes(1);

    /// <summary>Least cosine of a hit; null for no threshold.</summary>
    [Id(0)]
    public float? MinScore { get; init; }

    /// <summary>Metadata that a hit must have: key → any of these values; null for no filter.</summary>
    [Id(1)]
    public Dictionary<string, string[]>? Filter { get; init; }

    /// <summary>Ids never to return; null for none.</summary>
    [Id(2)]
    public string[]? Exclude { get; init; }

    /// <summary>How long the search may take before the answer goes out without the shards that did not answer, named; 0 to
    /// <see cref="MaxDeadline"/>.</summary>
    [Id(3)]
    public TimeSpan Deadline { get; init; } = TimeSpan.FromSeconds(10);
}

/// <summary>One query: a weighted sum of terms in the shared space ("this image, but <em>snow</em>").</summary>
/// <param name="Terms">At least one.</param>
[GenerateSerializer, Immutable, Alias("fusemix.SearchQuery")]
public sealed record SearchQuery(QueryTerm[] Terms)
{
    /// <summary>A query of one text.</summary>
    public static SearchQuery OfText(string text) => new([new QueryTerm { Text = text }]);

    /// <summary>A query of one encoded file.</summary>
    /// <param name="modality">What the bytes are.</param>
    /// <param name="content">The file's bytes, e.g. of a PNG.</param>
    public static SearchQuery OfContent(Modality modality, byte[] content) => new([new QueryTerm { Modality = modality, Content = content }]);

    /// <summary>A query of one item of the collection.</summary>
    public static SearchQuery OfItem(string itemId) => new([new QueryTerm { ItemId = itemId }]);
}

/// <summary>One term of a query: exactly one of <see cref="Text"/>, <see cref="Content"/>, <see cref="ItemId"/>, <see cref="Latent"/> and
/// <see cref="Embedding"/> is set.</summary>
[GenerateSerializer, Immutable, Alias("fusemix.QueryTerm")]
public sealed record QueryTerm
{
    /// <summary>A text to encode; there must be something in it beside white space and characters that cannot be seen.</summary>
    [Id(0)]
    public string? Text { get; init; }

    /// <summary>An encoded file (PNG, JPEG, WebP …) to encode; <see cref="Modality"/> says what it is.</summary>
    [Id(1)]
    public byte[]? Content { get; init; }

    /// <summary>Id of an item of the collection.</summary>
    [Id(2)]
    public string? ItemId { get; init; }

    /// <summary>An output of the fusion model's encoder of <see cref="Modality"/>.</summary>
    [Id(3)]
    public float[]? Latent { get; init; }

    /// <summary>A vector of the shared space.</summary>
    [Id(4)]
    public float[]? Embedding { get; init; }

    /// <summary>Modality of <see cref="Content"/> or <see cref="Latent"/>.</summary>
    [Id(5)]
    public Modality? Modality { get; init; }

    /// <summary>Factor of this term in the sum; negative moves away from it. Only the ratios of weights matter, and one must not be 0.</summary>
    [Id(6)]
    public float Weight { get; init; } = 1;
}

/// <summary>The answer to a search.</summary>
/// <param name="Collection">Name of the collection.</param>
/// <param name="Generation">The one generation that answered.</param>
/// <param name="Complete">False when a shard did not answer: never silently short.</param>
/// <param name="MissingShards">The shards that did not answer, each with the reason.</param>
/// <param name="Results">Per query, best first.</param>
/// <param name="Elapsed">Time in the search grain.</param>
[GenerateSerializer, Immutable, Alias("fusemix.SearchResponse")]
public sealed record SearchResponse(
    string Collection, string Generation, bool Complete, string[] MissingShards, Hit[][] Results, TimeSpan Elapsed);
