using System.Security.Cryptography;
using System.Text;

namespace FuseMix.Data.Datasets;

/// <summary>How much of a dataset goes to each split, in whole percents; which group goes where follows from the group's name alone.</summary>
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
            FormattableString.Invariant($"The shares of train, validation and test are {Train}, {Validation} and {Test}, which do not add up to 1."),
            "Give three numbers of at least 0 that add up to 1, for example 0.75, 0.1 and 0.15.");
    }

    /// <summary>The split of a group: its SHA-1, as a number modulo 100, against the shares in whole percents.</summary>
    /// <remarks>A hash rather than a shuffle, so that a group stays where it is however many others join or leave.</remarks>
    public Split Of(string dataset, string group)
    {
        // Not for security: SHA-1 is the hash that the published splits were made with.
        var bucket = 0;
        foreach (var digit in SHA1.HashData(Encoding.UTF8.GetBytes($"{dataset}:{group}"))) bucket = ((bucket << 8) + digit) % 100;
        var train = Math.Round(Train * 100);
        return bucket < train ? Split.Train : bucket < train + Math.Round(Validation * 100) ? Split.Validation : Split.Test;
    }
}
