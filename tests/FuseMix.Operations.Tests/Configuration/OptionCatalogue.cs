using System.Globalization;
using System.Reflection;
using FuseMix.Silo.Configuration;

namespace FuseMix.Operations.Tests.Configuration;

/// <summary>One key of the configuration, as the option classes have it.</summary>
/// <param name="Key">Without the section FuseMix, e.g. "Http:Port"; of the elements of a list, "Http:ApiKeys:0:Name".</param>
/// <param name="Property">Where it ends up.</param>
/// <param name="Default">Its value where nothing is said.</param>
internal sealed record ConfigurationOption(string Key, PropertyInfo Property, object? Default)
{
    /// <summary>These depend on the machine, or on other keys.</summary>
    private static readonly string[] Derived = ["Node:Name", "Node:Threads"];

    /// <summary>Whether it is below an element of a list.</summary>
    public bool IsOfElement => Key.Contains(":0:", StringComparison.Ordinal);

    /// <summary>Its default as it is written in a file; null where there is none, where it is a list, or where it depends on other
    /// things.</summary>
    public string? DefaultText => Derived.Contains(Key) ? null : Default switch
    {
        "" => null,
        string text => text,
        TimeSpan time => time.ToString("c", CultureInfo.InvariantCulture),
        Enum or int or long => Convert.ToString(Default, CultureInfo.InvariantCulture),
        _ => null,
    };

    /// <summary>What it may be, as failures say it; null where they need more words.</summary>
    public string? Allowed => OptionRange.Describe(Property)
        ?? ((Nullable.GetUnderlyingType(Property.PropertyType) ?? Property.PropertyType) is { IsEnum: true } type ? string.Join(", ", Enum.GetNames(type)) : null);
}

/// <summary>Every key there is.</summary>
internal static class OptionCatalogue
{
    /// <summary>Every key, found the way in which the silo's reader finds them.</summary>
    public static readonly IReadOnlyList<ConfigurationOption> All = [.. Below("", new SiloConfiguration())];

    private static IEnumerable<ConfigurationOption> Below(string path, object defaults)
    {
        foreach (var property in
            defaults.GetType().GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(property => property.CanWrite))
        {
            var (key, type) = ($"{path}{property.Name}", property.PropertyType);
            var value = property.GetValue(defaults);
            if (type.IsGenericType && type.GetGenericTypeDefinition() == typeof(IReadOnlyList<>))
            {
                yield return new ConfigurationOption(key, property, value);
                if (type.GetGenericArguments()[0] is var element && element != typeof(string))
                    foreach (var inner in Below($"{key}:0:", Activator.CreateInstance(element)!)) yield return inner;
            }
            else if (type.IsClass && type != typeof(string))
            {
                foreach (var inner in Below($"{key}:", value!)) yield return inner;
            }
            else
            {
                yield return new ConfigurationOption(key, property, value);
            }
        }
    }
}
