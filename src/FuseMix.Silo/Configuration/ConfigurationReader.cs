using System.Globalization;
using System.Reflection;
using FuseMix.Hosting.Configuration;

namespace FuseMix.Silo.Configuration;

/// <summary>Fills option classes from configuration sources, and notes every key that is unknown and every value of a wrong type or
/// range.</summary>
/// <remarks>.NET's own binder ignores unknown keys, reads the time span "30" as 30 days, and mixes lists of several sources.</remarks>
/// <param name="sources">The sources; later ones win.</param>
/// <param name="problems">Where to note.</param>
internal sealed class ConfigurationReader(IReadOnlyList<ConfigurationSource> sources, ConfigurationProblems problems)
{
    /// <summary>Notes the outermost keys that are none of these.</summary>
    public void RequireSections(params string[] known)
    {
        foreach (var key in Keys("").Where(key => !known.Contains(key, StringComparer.OrdinalIgnoreCase))) NoteUnknown("", key, known);
    }

    /// <summary>Everything below a section, as it is.</summary>
    public Dictionary<string, string?> Pass(string section)
    {
        var passed = new Dictionary<string, string?>(StringComparer.OrdinalIgnoreCase);
        foreach (var (key, value) in sources.SelectMany(source => source.Values))
        {
            if (key.StartsWith($"{section}:", StringComparison.OrdinalIgnoreCase)) passed[key] = value;
        }

        return passed;
    }

    /// <summary>Fills the settable properties of an object from the keys below a path.</summary>
    public void Read(object target, string path) => Read(target, path, sources);

    private void Read(object target, string path, IReadOnlyList<ConfigurationSource> from)
    {
        var properties = target.GetType().GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(
            property => property.CanWrite).ToArray();
        string[] names = [.. properties.Select(property => property.Name)];
        foreach (var key in Keys(path, from).Where(key => !names.Contains(key, StringComparer.OrdinalIgnoreCase)))
            NoteUnknown($"{path}:", key, names);
        if (from.Any(source => source.Values.ContainsKey(path)))
            problems.Add(path, $"is a section{SourceOf(path, from)}; it has the keys {string.Join(", ", names)}");
        foreach (var property in properties) Read(target, property, $"{path}:{property.Name}", from);
    }

    private void Read(object target, PropertyInfo property, string path, IReadOnlyList<ConfigurationSource> from)
    {
        if (from.LastOrDefault(source => source.Values.Keys.Any(key => IsAtOrBelow(key, path))) is not { } source) return;
        var type = Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType;
        if (type.IsGenericType && type.GetGenericTypeDefinition() == typeof(IReadOnlyList<>))
        {
            property.SetValue(target, List(type.GetGenericArguments()[0], path, source));
        }
        else if (type.IsClass && type != typeof(string))
        {
            Read(property.GetValue(target)!, path, from);
        }
        else if (Keys(path, from).ToArray() is { Length: > 0 } inner)
        {
            problems.Add(path, $"is a single value, but has the key '{inner[0]}'{SourceOf($"{path}:{inner[0]}", from)}");
        }
        else
        {
            var value = Value(type, source.Values[path]);
            if (value is null) NoteWrong(property, type, path, source);
            else if (!Range(property, value)) NoteWrong(property, type, path, source);
            else property.SetValue(target, value);
        }
    }

    /// <summary>A list as one source has it: "a, b" where it holds words, else its places 0, 1, …</summary>
    private Array List(Type element, string path, ConfigurationSource source)
    {
        if (source.Values.TryGetValue(path, out var words))
        {
            // What JSON writes as [] is an empty text here.
            if (element != typeof(string) && words.Length > 0) problems.Add(path, $"must be a list{source.Name}");
            var split = words.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
            return element == typeof(string) ? split : Array.CreateInstance(element, 0);
        }

        ConfigurationSource[] only = [source];
        var places = Keys(path, only).ToArray();
        foreach (var place in places.Where(place => !int.TryParse(place, NumberStyles.None, CultureInfo.InvariantCulture, out _)))
            problems.Add($"{path}:{place}", $"is not a place of a list{source.Name}; the first is {path}:0");
        var list = new List<object>();
        foreach (var place in
            places.Where(place => int.TryParse(place, NumberStyles.None, CultureInfo.InvariantCulture, out _)).OrderBy(int.Parse))
        {
            var at = $"{path}:{place}";
            if (place != $"{list.Count}")
            {
                problems.Add(
                    at,
                    $"has no place {list.Count} before it{source.Name}; a list is given as a whole and replaces the one of other sources");
                break;
            }

            if (element == typeof(string))
            {
                if (source.Values.TryGetValue(at, out var word)) list.Add(word);
                else problems.Add(at, $"must be a word{source.Name}");
            }
            else
            {
                var item = Activator.CreateInstance(element)!;
                Read(item, at, only);
                list.Add(item);
            }
        }

        var result = Array.CreateInstance(element, list.Count);
        for (var i = 0; i < list.Count; i++) result.SetValue(list[i], i);
        return result;
    }

    private static object? Value(Type type, string text)
    {
        if (type == typeof(string)) return text;
        if (type == typeof(int))
            return int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole) ? whole : null;
        if (type == typeof(long))
            return long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var large) ? large : null;

        // A number alone would be days.
        if (type == typeof(TimeSpan))
            return text.Contains(':') && TimeSpan.TryParse(text, CultureInfo.InvariantCulture, out var time) ? time : null;
        if (type.IsEnum) return text.All(char.IsAsciiLetter) && Enum.TryParse(type, text, ignoreCase: true, out var word) ? word : null;
        throw new InvalidOperationException($"Options of type {type} are not known.");
    }

    private static bool Range(PropertyInfo property, object value) =>
        property.GetCustomAttribute<System.ComponentModel.DataAnnotations.RangeAttribute>()?.IsValid(value) ?? true;

    private void NoteWrong(PropertyInfo property, Type type, string path, ConfigurationSource source)
    {
        var text = source.Values[path];
        var range = OptionRange.Describe(property);
        var allowed = type.IsEnum ? $"one of {string.Join(", ", Enum.GetNames(type))}"
            : type == typeof(TimeSpan) ? $"hours:minutes:seconds{(range is null ? "" : $", {range}")}"
            : $"a whole number{(range is null ? "" : $", {range}")}";
        var nearest = type.IsEnum && NearestName.Of(text, Enum.GetNames(type)) is { } name ? $". Did you mean '{name}'?" : "";
        problems.Add(path, $"is '{text}'{source.Name}; it must be {allowed}{nearest}");
    }

    private void NoteUnknown(string path, string key, string[] known)
    {
        var nearest = NearestName.Of(key, known);
        problems.Add(
            $"{path}{key}",
            $"is not known{SourceOf($"{path}{key}", sources)}; "
                + $"{(nearest is null ? $"known here: {string.Join(", ", known)}" : $"did you mean {path}{nearest}?")}");
    }

    private IEnumerable<string> Keys(string path) => Keys(path, sources);

    /// <summary>The names right below a path, each once, as first written.</summary>
    private static IEnumerable<string> Keys(string path, IReadOnlyList<ConfigurationSource> from)
    {
        var prefix = path.Length == 0 ? "" : $"{path}:";
        return from.SelectMany(source => source.Keys)
            .Where(key => key.Length > prefix.Length && key.StartsWith(prefix, StringComparison.OrdinalIgnoreCase))
            .Select(key => key[prefix.Length..].Split(':')[0])
            .Distinct(StringComparer.OrdinalIgnoreCase);
    }

    private static bool IsAtOrBelow(string key, string path) =>
        key.StartsWith(path, StringComparison.OrdinalIgnoreCase) && (key.Length == path.Length || key[path.Length] == ':');

    private static string SourceOf(string path, IReadOnlyList<ConfigurationSource> from) =>
        from.LastOrDefault(source => source.Keys.Any(key => IsAtOrBelow(key, path)))?.Name ?? "";
}
