using System.Globalization;

namespace FuseMix.Core.Evaluation;

/// <summary>
/// One of the parts into which cross-validation divides all groups that are not of the test split: it stands in for the validation split,
/// and the other parts for the training split.
/// </summary>
/// <param name="Number">Which part, from 1.</param>
/// <param name="Count">How many parts there are, <see cref="Fewest"/> to <see cref="Most"/>.</param>
public readonly record struct Fold(int Number, int Count)
{
    /// <summary>The fewest parts.</summary>
    public const int Fewest = 2;

    /// <summary>The most parts.</summary>
    public const int Most = 20;

    /// <summary>Reads "2/5", the second of five.</summary>
    /// <exception cref="FuseMixException">The text is not a fold.</exception>
    public static Fold Parse(string text)
    {
        var parts = text.Split('/');
        return parts.Length == 2
            && int.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            && int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out var count)
            && count is >= Fewest and <= Most && number >= 1 && number <= count
            ? new Fold(number, count)
            : throw new FuseMixException(
                FailureKind.Invalid, $"'{text}' is not a fold.", $"Write 2/5 for the second of five; there may be {Fewest} to {Most}.");
    }

    /// <summary>Whether a group is of this part.</summary>
    /// <remarks>By a hash, as splits are: a group stays in its part however many others join or leave.</remarks>
    /// <param name="group">The group's name.</param>
    public bool Holds(string group) => Convert.ToUInt64(Fingerprint.Of($"fold:{group}").Short, 16) % (ulong)Count == (ulong)Number - 1;

    /// <summary>"2/5".</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Number}/{Count}");
}
