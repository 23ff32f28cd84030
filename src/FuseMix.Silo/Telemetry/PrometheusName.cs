using System.Text;
using System.Text.RegularExpressions;

namespace FuseMix.Silo.Telemetry;

/// <summary>What Prometheus calls an instrument: <c>fusemix.search.duration</c> in <c>s</c> is <c>fusemix_search_duration_seconds</c>.</summary>
internal static partial class PrometheusName
{
    /// <summary>The name of a series, before the endings of a histogram's parts.</summary>
    /// <param name="name">Name of the instrument.</param>
    /// <param name="unit">Its unit in UCUM; what stands in braces is a comment.</param>
    /// <param name="isCounter">Whether it only ever grows.</param>
    public static string Of(string name, string unit, bool isCounter)
    {
        var known = Clean(char.IsAsciiDigit(name[0]) ? $"_{name[1..]}" : name);
        if (UnitOf(unit) is { Length: > 0 } ending && !known.EndsWith(ending, StringComparison.Ordinal)
            && !(isCounter && known.EndsWith($"{ending}_total", StringComparison.Ordinal)))
        {
            known += $"_{ending}";
        }

        return isCounter && !known.EndsWith("_total", StringComparison.Ordinal) ? $"{known}_total" : known;
    }

    /// <summary>The name of a label.</summary>
    public static string OfLabel(string key)
    {
        var known = Clean(key).Replace(':', '_');
        return known.Length == 0 || char.IsAsciiDigit(known[0]) ? $"_{known}" : known;
    }

    private static string UnitOf(string unit)
    {
        var bare = Comment().Replace(unit, "");
        var slash = bare.IndexOf('/', StringComparison.Ordinal);
        var word = slash < 0 || slash == bare.Length - 1 ? Word(bare) : $"{Word(bare[..slash])}_per_{WordAfterPer(bare[(slash + 1)..])}";
        return Clean(word).Trim('_');
    }

    private static string Word(string unit) => unit switch
    {
        "d" => "days",
        "h" => "hours",
        "min" => "minutes",
        "s" => "seconds",
        "ms" => "milliseconds",
        "us" => "microseconds",
        "ns" => "nanoseconds",
        "By" or "B" => "bytes",
        "KiBy" => "kibibytes",
        "MiBy" => "mebibytes",
        "GiBy" => "gibibytes",
        "TiBy" => "tibibytes",
        "KBy" or "KB" => "kilobytes",
        "MBy" or "MB" => "megabytes",
        "GBy" or "GB" => "gigabytes",
        "TBy" or "TB" => "terabytes",
        "m" => "meters",
        "V" => "volts",
        "A" => "amperes",
        "J" => "joules",
        "W" => "watts",
        "g" => "grams",
        "Cel" => "celsius",
        "Hz" => "hertz",
        "1" => "",
        "%" => "percent",
        "$" => "dollars",
        _ => unit,
    };

    private static string WordAfterPer(string unit) => unit switch
    {
        "s" => "second",
        "m" => "minute",
        "h" => "hour",
        "d" => "day",
        "w" => "week",
        "mo" => "month",
        "y" => "year",
        _ => unit,
    };

    /// <summary>Every run of characters that a name cannot have becomes one underscore.</summary>
    private static string Clean(string name)
    {
        var clean = new StringBuilder(name.Length);
        foreach (var c in name)
        {
            if (char.IsAsciiLetterOrDigit(c) || c == ':') clean.Append(c);
            else if (clean.Length == 0 || clean[^1] != '_') clean.Append('_');
        }

        return clean.ToString();
    }

    [GeneratedRegex(@"\{[^}]*\}")]
    private static partial Regex Comment();
}
