using System.Security.Cryptography;
using System.Text;

namespace FuseMix.Data.Datasets;

/// <summary>How much of a dataset goes to each split, in whole percents; which group goes where follows from its content or name
/// alone.</summary>
/// <param name="Train">Share of the training split, 0 to 1.</param>
/// <param name="Validation">Share of the validation split, 0 to 1.</param>
/// <param name="Test">Share of the test split, 0 to 1.</param>
public sealed record SplitRatios(double Train, double Validation, double Test)
{
    /// <summary>Three quarters to learn from, a tenth to choose by, the rest to report on.</summary>
    public static SplitRatios Default { get; } = new(0.75, 0.10, 0.15);

    /// <summary>Fails unless the shares are at least 0 and add up to 1.</summary>
    /// <exception cref="FuseMixException">They are not.</exception>
    public SplitRatios Checked()
    {
        var valid = Train >= 0 && Validation >= 0 && Test >= 0 && Math.Abs(Train + Validation + Test - 1) < 1e-9;
        return valid ? this : throw new FuseMixException(
            FailureKind.Invalid,
            FormattableString.Invariant(
                $"The shares of train, validation and test are {Train}, {Validation} and {Test}, which do not add up to 1."),
            "Give three numbers of at least 0 that add up to 1, for example 0.75, 0.1 and 0.15.");
    }

    /// <summary>The split of a group of a dataset that always has the same groups, by their names, and as it was published.</summary>
    /// <remarks>A hash rather than a shuffle, so that a group stays where it is however many others join or leave.</remarks>
    public Split Of(string dataset, string group) => Of($"{dataset}:{group}");

    /// <summary>The split of what has this key: its SHA-1, as a number modulo 100, against the shares in whole percents.</summary>
    internal Split Of(string key)
    {
        // Not for security: SHA-1 is the hash that the published splits were made with.
        var bucket = 0;
        foreach (var digit in SHA1.HashData(Encoding.UTF8.GetBytes(key))) bucket = ((bucket << 8) + digit) % 100;
        var train = Math.Round(Train * 100);
        return bucket < train ? Split.Train : bucket < train + Math.Round(Validation * 100) ? Split.Validation : Split.Test;
    }

    /// <summary>The share of a split, 0 to 1.</summary>
    internal double Of(Split split) => split switch
    {
        Split.Train => Train,
        Split.Validation => Validation,
        _ => Test,
    };
}

/// <summary>What people call the splits.</summary>
internal static class SplitWords
{
    /// <summary>The words that are said where one is not known.</summary>
    public static readonly string[] Usual = ["train", "validation", "test"];

    /// <summary>The split that a word stands for, whatever its case; null where it stands for none.</summary>
    public static Split? Read(string word) => word.ToLowerInvariant() switch
    {
        "train" or "training" => Split.Train,
        "validation" or "valid" or "val" or "dev" => Split.Validation,
        "test" or "testing" => Split.Test,
        _ => null,
    };
}
