namespace FuseMix.Contracts.Http;

/// <summary>What went wrong, as <c>application/problem+json</c>.</summary>
/// <param name="Type">What kind of problem it is; never changes.</param>
/// <param name="Title">The kind in words; never changes.</param>
/// <param name="Status">The HTTP status.</param>
/// <param name="Detail">What happened here.</param>
/// <param name="RequestId">The id under which the node's log tells more.</param>
/// <param name="Remedy">The way out; missing where none can be advised.</param>
public sealed record Problem(string Type, string Title, int Status, string Detail, string RequestId, string? Remedy = null);

/// <summary>The types of <see cref="Problem"/>s, see RFC 9457.</summary>
public static class ProblemTypes
{
    /// <summary>The request itself is wrong.</summary>
    public const string Invalid = Prefix + "invalid";

    /// <summary>A key is needed, or the one that was sent is not known.</summary>
    public const string Unauthenticated = Prefix + "unauthenticated";

    /// <summary>The key's scope does not reach so far.</summary>
    public const string Forbidden = Prefix + "forbidden";

    /// <summary>It names something that does not exist.</summary>
    public const string NotFound = Prefix + "not-found";

    /// <summary>The address does not answer that method.</summary>
    public const string MethodNotAllowed = Prefix + "method-not-allowed";

    /// <summary>It contradicts what is there.</summary>
    public const string Conflict = Prefix + "conflict";

    /// <summary>The body is too large.</summary>
    public const string TooLarge = Prefix + "too-large";

    /// <summary>The body is of another type.</summary>
    public const string UnsupportedMediaType = Prefix + "unsupported-media-type";

    /// <summary>The node does not answer under that name.</summary>
    public const string Misdirected = Prefix + "misdirected";

    /// <summary>The caller has sent too many requests.</summary>
    public const string TooManyRequests = Prefix + "too-many-requests";

    /// <summary>Stored data are damaged.</summary>
    public const string Corrupt = Prefix + "corrupt";

    /// <summary>A fault of the node.</summary>
    public const string Internal = Prefix + "internal";

    /// <summary>Something that it needs is missing or busy.</summary>
    public const string Unavailable = Prefix + "unavailable";

    /// <summary>A part of the cluster did not answer in time.</summary>
    public const string Timeout = Prefix + "timeout";

    private const string Prefix = "urn:fusemix:problem:";

    /// <summary>What a problem means to its reader; null where it is none of ours.</summary>
    public static FailureKind? KindOf(string? type) => type switch
    {
        NotFound => FailureKind.NotFound,
        Conflict => FailureKind.Conflict,
        Corrupt => FailureKind.Corrupt,
        Internal => FailureKind.Internal,
        Unavailable or Timeout or TooManyRequests => FailureKind.Unavailable,
        _ => type?.StartsWith(Prefix, StringComparison.Ordinal) == true ? FailureKind.Invalid : null,
    };
}
