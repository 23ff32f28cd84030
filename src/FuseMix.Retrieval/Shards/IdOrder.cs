namespace FuseMix.Retrieval.Shards;

/// <summary>Orders texts by code point, which is the order of their UTF-8 bytes: what a shard file is sorted by and what breaks
/// ties.</summary>
/// <remarks>Not ordinal: UTF-16 puts surrogates (U+10000 and above) before U+E000..U+FFFF.</remarks>
internal sealed class IdOrder : IComparer<string>
{
    public static readonly IdOrder Instance = new();

    public int Compare(string? x, string? y)
    {
        if (x is null || y is null) return string.CompareOrdinal(x, y);
        var length = Math.Min(x.Length, y.Length);
        var same = x.AsSpan().CommonPrefixLength(y);
        return same == length ? x.Length.CompareTo(y.Length) : Weight(x[same]).CompareTo(Weight(y[same]));
    }

    private static int Weight(char c) => char.IsSurrogate(c) ? c + 0x10000 : c;
}
