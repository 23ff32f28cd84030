namespace FuseMix.Retrieval.Search;

/// <summary>What a search wants.</summary>
public sealed record SearchOptions
{
    /// <summary>The most results that one search may ask for.</summary>
    public const int MaxK = 10_000;

    /// <summary>The most threads that one search uses.</summary>
    public const int MaxThreads = 256;

    /// <summary>Results per query, 1 to <see cref="MaxK"/>; fewer come where fewer items qualify.</summary>
    public int K { get; init; } = 10;

    /// <summary>The least score a result may have; null for any.</summary>
    public float? MinScore { get; init; }

    /// <summary>Which items qualify by their metadata; null for all.</summary>
    public MetadataFilter? Filter { get; init; }

    /// <summary>Ids that must not be found, e.g. the query item itself; ids that are not there are ignored.</summary>
    public IReadOnlyCollection<string>? Exclude { get; init; }

    /// <summary>Threads to use, 1 to <see cref="MaxThreads"/>. The results do not depend on it.</summary>
    public int Threads { get; init; } = 1;

    /// <summary>Fails unless every number is in its range.</summary>
    /// <exception cref="FuseMixException">One is not; the message names it.</exception>
    public void Validate()
    {
        if (K is < 1 or > MaxK) throw new FuseMixException(FailureKind.Invalid, $"{K} results were asked for.", $"Ask for 1 to {MaxK}.");
        if (MinScore is { } least && float.IsNaN(least))
            throw new FuseMixException(FailureKind.Invalid, "The least score is not a number.", "Give a number, or leave it out.");
        if (Threads is < 1 or > MaxThreads)
            throw new FuseMixException(FailureKind.Invalid, $"{Threads} threads were asked for.", $"Ask for 1 to {MaxThreads}.");
    }
}
