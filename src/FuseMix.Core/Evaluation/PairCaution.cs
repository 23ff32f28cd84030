using System.Globalization;

namespace FuseMix.Core.Evaluation;

/// <summary>What to say of pairs that are too few, or too much alike, for what they are used for.</summary>
public static class PairCaution
{
    /// <summary>With fewer queries than this, one of them is more than three points of a recall.</summary>
    public const int Few = 30;

    /// <summary>With so many pairs per caption, captions say little of what they belong to.</summary>
    public const int PairsPerCaption = 4;

    /// <summary>Of a recall; null where it was measured on enough.</summary>
    /// <param name="queries">The fewest queries of a direction.</param>
    public static string? OfQueries(int queries) => queries is 0 or >= Few ? null : string.Create(
        CultureInfo.InvariantCulture, $"Measured on {queries} {(queries == 1 ? "query" : "queries")}: one that is found or not is {100.0 / queries:0} points.");

    /// <summary>Of a part of a dataset; null where it has enough, or nothing at all.</summary>
    /// <param name="split">Its name.</param>
    /// <param name="pairs">Its pairs.</param>
    public static string? OfSplit(string split, int pairs) => pairs is 0 or >= Few ? null : string.Create(
        CultureInfo.InvariantCulture,
        $"The {split} split has only {pairs} {(pairs == 1 ? "pair" : "pairs")}: what is {DoneOn(split)} so few means little.");

    /// <summary>Of captions; null where they differ enough.</summary>
    /// <param name="captions">Captions that differ.</param>
    /// <param name="pairs">Pairs with a caption.</param>
    public static string? OfCaptions(int captions, int pairs)
    {
        if (captions == 0 || pairs < 2 || pairs < (long)captions * PairsPerCaption) return null;
        var all = captions == 1 ? "One caption is" : string.Create(CultureInfo.InvariantCulture, $"{captions} captions are");
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{all} all that {pairs} pairs have: items with the same caption are one group, and nothing tells them apart.");
    }

    private static string DoneOn(string split) => split == "train" ? "learnt from" : "measured on";
}
