using System.Buffers.Text;
using System.Globalization;
using System.Text;
using FuseMix.Contracts.Http;
using FuseMix.Silo.Describing;
using Microsoft.AspNetCore.Http;

namespace FuseMix.Silo.Api;

/// <summary>Cuts lists into pages. A cursor names the last item that the caller has, so that what is added or removed meanwhile neither
/// repeats nor hides others.</summary>
/// <param name="Limit">Most items of the page.</param>
/// <param name="After">Key of the last item that the caller has; null at the beginning.</param>
/// <param name="Position">How many items the caller has.</param>
internal sealed record Paging(int Limit, string? After, int Position)
{
    /// <summary>The query parameters of every list.</summary>
    public static readonly QueryParameter[] Parameters =
    [
        new("limit", "Most items of the page.") { Range = (1, MaxLimit), Preset = "100" },
        new("cursor", "Where to go on: 'next' of the page before."),
    ];

    private const int MaxLimit = 1000;
    private const int DefaultLimit = 100;

    /// <exception cref="FuseMixException">The limit is out of range, or the cursor is not one of ours.</exception>
    public static Paging Of(HttpRequest request)
    {
        var (parameters, limit) = (QueryParameters.Of(request), LimitOf(request));
        if (parameters.Text("cursor") is not { } cursor) return new Paging(limit, null, 0);
        return Decode(cursor) is var (position, after)
            ? new Paging(limit, after, position)
            : throw new FuseMixException(
                FailureKind.Invalid, "Query parameter 'cursor' is not one that a page named.", "Give 'next' of the page before, as it is.");
    }

    /// <summary>Most items of the page, for a list that cuts itself.</summary>
    /// <exception cref="FuseMixException">The limit is out of range.</exception>
    public static int LimitOf(HttpRequest request)
    {
        var limit = QueryParameters.Of(request).Integer("limit") ?? DefaultLimit;
        return limit is >= 1 and <= MaxLimit
            ? limit
            : throw new FuseMixException(
                FailureKind.Invalid, $"Query parameter 'limit' is {limit}; it must be 1 to {MaxLimit}.", "Follow 'next' for more.");
    }

    /// <summary>A page of a list in ordinal order of its keys.</summary>
    public Page<T> ByKey<T>(IReadOnlyList<T> all, Func<T, string> keyOf) =>
        Take(all, After is null ? 0 : all.TakeWhile(item => string.CompareOrdinal(keyOf(item), After) <= 0).Count(), keyOf);

    /// <summary>A page of a list to whose beginning new items come, or old ones move.</summary>
    public Page<T> NewestFirst<T>(IReadOnlyList<T> all, Func<T, string> keyOf)
    {
        if (After is null) return Take(all, 0, keyOf);
        var last = all.Index().Where(entry => keyOf(entry.Item) == After).Select(entry => entry.Index).DefaultIfEmpty(-1).First();

        // Where it has moved to the front or is gone, counting leads to a place that may repeat some items but leaves out none.
        return Take(all, Math.Max(last + 1, Position), keyOf);
    }

    private Page<T> Take<T>(IReadOnlyList<T> all, int start, Func<T, string> keyOf)
    {
        T[] items = [.. all.Skip(start).Take(Limit)];
        var next = start + items.Length < all.Count && items.Length > 0 ? Encode(Position + items.Length, keyOf(items[^1])) : null;
        return new Page<T>(items, next);
    }

    private static string Encode(int position, string key) =>
        Base64Url.EncodeToString(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{position}:{key}")));

    private static (int Position, string After)? Decode(string cursor)
    {
        if (!Base64Url.IsValid(cursor)) return null;
        var text = Encoding.UTF8.GetString(Base64Url.DecodeFromChars(cursor));
        var colon = text.IndexOf(':', StringComparison.Ordinal);
        return colon > 0 && int.TryParse(text.AsSpan(0, colon), NumberStyles.None, CultureInfo.InvariantCulture, out var position)
            ? (position, text[(colon + 1)..])
            : null;
    }
}
