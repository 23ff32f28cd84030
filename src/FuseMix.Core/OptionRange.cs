using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Reflection;

namespace FuseMix.Core;

/// <summary>Reads the <see cref="RangeAttribute"/> of options, which is where their ranges stand once: for the check and for its
/// message.</summary>
public static class OptionRange
{
    /// <summary>The options of an object whose values are out of their ranges.</summary>
    /// <param name="options">The object; its properties may have a <see cref="RangeAttribute"/>.</param>
    /// <returns>Key, value and what is allowed, e.g. ("Threads", "0", "1 to 1,024").</returns>
    public static IEnumerable<(string Key, string Value, string Allowed)> Broken(object options)
    {
        foreach (var property in options.GetType().GetProperties())
        {
            if (property.GetCustomAttribute<RangeAttribute>() is not { } range) continue;

            // An option that is not set has no value to be out of range.
            if (property.GetValue(options) is { } value && !range.IsValid(value))
                yield return (property.Name, Text(value), Describe(range));
        }
    }

    /// <summary>The range of an option in words, e.g. "1 to 1,024" or "at least 1"; null where it has none.</summary>
    public static string? Describe(PropertyInfo property) =>
        property.GetCustomAttribute<RangeAttribute>() is { } range ? Describe(range) : null;

    private static string Describe(RangeAttribute range)
    {
        // Limits that are given as text are parsed by the first check.
        _ = range.IsValid(null) && range.IsValid(range.Minimum);
        return range.Maximum is int.MaxValue or long.MaxValue
            ? $"at least {Text(range.Minimum)}"
            : $"{Text(range.Minimum)} to {Text(range.Maximum)}";
    }

    private static string Text(object value) => value switch
    {
        TimeSpan time => time.ToString("c", CultureInfo.InvariantCulture),
        IFormattable number => number.ToString("N0", CultureInfo.InvariantCulture),
        _ => value.ToString() ?? "",
    };
}
