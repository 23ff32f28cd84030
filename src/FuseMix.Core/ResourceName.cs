namespace FuseMix.Core;

/// <summary>The rule for names of datasets, encoders, fusion models and collections, which become folder names and grain keys.</summary>
public static class ResourceName
{
    /// <summary>The longest name, in characters.</summary>
    public const int MaxLength = 80;

    /// <summary>Lower-case letters, digits, '-', '_' and '.', starting with a letter or digit: never a path.</summary>
    public static bool IsValid(string? name) =>
        name is { Length: > 0 and <= MaxLength }
        && IsLetterOrDigit(name[0])
        && name.All(c => IsLetterOrDigit(c) || c is '-' or '_' or '.')
        && !name.Contains("..", StringComparison.Ordinal);

    /// <summary>Returns <paramref name="name"/>, or fails naming what it stands for (<paramref name="what"/>, e.g. "dataset").</summary>
    /// <exception cref="FuseMixException">The name breaks the rule.</exception>
    public static string Require(string? name, string what) => IsValid(name)
        ? name!
        : throw new FuseMixException(
            FailureKind.Invalid,
            $"'{name}' is not a valid {what} name.",
            $"Use 1 to {MaxLength} lower-case letters, digits, '-', '_' or '.', starting with a letter or digit.");

    private static bool IsLetterOrDigit(char c) => c is (>= 'a' and <= 'z') or (>= '0' and <= '9');
}
