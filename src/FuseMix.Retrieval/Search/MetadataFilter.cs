namespace FuseMix.Retrieval.Search;

/// <summary>Items qualify if, for every column named, their value is one of those given. Items without a value do not.</summary>
/// <param name="AnyOf">The accepted values by column, compared exactly; a column with no values lets nothing through.</param>
public sealed record MetadataFilter(IReadOnlyDictionary<string, IReadOnlyCollection<string>> AnyOf)
{
    /// <summary>A filter on one column.</summary>
    public static MetadataFilter Where(string column, params string[] anyOf) =>
        new(new Dictionary<string, IReadOnlyCollection<string>>(StringComparer.Ordinal) { [column] = anyOf });

    /// <summary>This filter and one more column; a second condition on the same column narrows the first.</summary>
    public MetadataFilter And(string column, params string[] anyOf)
    {
        string[] narrowed = AnyOf.TryGetValue(column, out var already) ? [.. already.Intersect(anyOf, StringComparer.Ordinal)] : anyOf;
        return new(new Dictionary<string, IReadOnlyCollection<string>>(AnyOf, StringComparer.Ordinal) { [column] = narrowed });
    }
}
