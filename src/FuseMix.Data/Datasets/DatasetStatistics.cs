namespace FuseMix.Data.Datasets;

/// <summary>What a user wants to know of a dataset at a glance.</summary>
/// <param name="Name">The dataset's name.</param>
/// <param name="Licence">The terms under which its content may be used.</param>
/// <param name="About">One or two sentences.</param>
/// <param name="Fingerprint">Over its content.</param>
/// <param name="Items">Items per modality, in the order of the modalities.</param>
/// <param name="Pairs">Pairs per kind and split.</param>
/// <param name="Groups">Number of groups.</param>
/// <param name="Failures">Number of things that could not be imported.</param>
/// <param name="Notices">What the import found worth telling.</param>
public sealed record DatasetStatistics(
    string Name,
    string Licence,
    string About,
    Fingerprint Fingerprint,
    IReadOnlyList<ItemCount> Items,
    IReadOnlyList<PairCount> Pairs,
    int Groups,
    int Failures,
    IReadOnlyList<string> Notices)
{
    /// <summary>Number of pairs of every kind in one split.</summary>
    public int PairsIn(Split split) => Pairs.Where(p => p.Split == split).Sum(p => p.Count);
}

/// <summary>How many items of one modality there are.</summary>
/// <param name="Modality">The modality.</param>
/// <param name="Count">Number of items.</param>
/// <param name="Bytes">Bytes of all of them.</param>
public sealed record ItemCount(Modality Modality, int Count, long Bytes);

/// <summary>How many pairs of one kind are in one split.</summary>
/// <param name="First">Modality of the first items.</param>
/// <param name="Second">Modality of the second items.</param>
/// <param name="Split">The split.</param>
/// <param name="Count">Number of pairs.</param>
public sealed record PairCount(Modality First, Modality Second, Split Split, int Count);
