using System.Globalization;

namespace FuseMix.Cli.Output;

/// <summary>Numbers as people read them; the same everywhere and in every culture.</summary>
internal static class Phrases
{
    public static string Count(long value) => value.ToString("N0", CultureInfo.InvariantCulture);

    /// <summary>"1 image", "3,822 images".</summary>
    public static string Count(long value, string noun, string? plural = null) => $"{Count(value)} {(value == 1 ? noun : plural ?? noun + "s")}";

    /// <summary>Decimal units, as disks and packages are sold.</summary>
    public static string Bytes(long value) => value switch
    {
        < 1_000 => $"{value} B",
        < 1_000_000 => Number(value / 1e3, "kB"),
        < 1_000_000_000 => Number(value / 1e6, "MB"),
        < 1_000_000_000_000 => Number(value / 1e9, "GB"),
        _ => Number(value / 1e12, "TB"),
    };

    public static string Duration(TimeSpan time) => time switch
    {
        { TotalSeconds: < 0.0095 } => $"{Math.Max(0, time.TotalMilliseconds):0.#} ms",
        { TotalSeconds: < 0.9995 } => $"{time.TotalMilliseconds:0} ms",
        { TotalSeconds: < 9.95 } => string.Create(CultureInfo.InvariantCulture, $"{time.TotalSeconds:0.0} s"),
        { TotalSeconds: < 59.5 } => string.Create(CultureInfo.InvariantCulture, $"{time.TotalSeconds:0} s"),
        { TotalMinutes: < 59.99 } => $"{(int)Math.Round(time.TotalSeconds) / 60} min {(int)Math.Round(time.TotalSeconds) % 60:00} s",
        _ => $"{(int)Math.Round(time.TotalMinutes) / 60} h {(int)Math.Round(time.TotalMinutes) % 60:00} min",
    };

    /// <summary>Time left, which nobody knows to a fraction of a second.</summary>
    public static string Left(TimeSpan time) => $"{Duration(TimeSpan.FromSeconds(Math.Max(1, Math.Ceiling(time.TotalSeconds))))} left".Replace(".0 s", " s", StringComparison.Ordinal);

    /// <summary>A rate in at most three significant digits, e.g. "144 images/s".</summary>
    public static string Rate(double perSecond, string noun) => perSecond switch
    {
        <= 0 or double.NaN => "",
        < 1 => string.Create(CultureInfo.InvariantCulture, $"{perSecond:0.00} {noun}/s"),
        < 10 => string.Create(CultureInfo.InvariantCulture, $"{perSecond:0.0} {noun}/s"),
        _ => $"{Count((long)Math.Round(perSecond))} {noun}/s",
    };

    public static string Percent(double fraction) => $"{(int)Math.Floor(Math.Clamp(fraction, 0, 1) * 100)} %";

    /// <summary>A figure with a fixed number of decimals.</summary>
    public static string Fixed(double value, int decimals) =>
        double.IsNaN(value) ? "–" : value.ToString("F" + decimals, CultureInfo.InvariantCulture);

    /// <summary>Breaks a text into lines of at most so many columns, at spaces; a word that is longer has a line of its own.</summary>
    public static IEnumerable<string> Wrap(string text, int columns)
    {
        var line = "";
        foreach (var word in text.Split(' '))
        {
            if (line.Length > 0 && CellWidth.Of(line) + 1 + CellWidth.Of(word) > columns)
            {
                yield return line;
                line = word;
            }
            else
            {
                line = line.Length == 0 ? word : $"{line} {word}";
            }
        }

        if (line.Length > 0) yield return line;
    }

    /// <summary>The text cut to some columns, with "…" where something is missing.</summary>
    public static string Cut(string text, int columns)
    {
        if (columns <= 0) return "";
        if (CellWidth.Of(text) <= columns) return text;
        var width = 0;
        var end = 0;
        foreach (var element in CellWidth.Elements(text))
        {
            var next = CellWidth.Of(element);
            if (width + next > columns - 1) break;
            width += next;
            end += element.Length;
        }

        return text[..end] + "…";
    }

    /// <summary>The text cut or padded to exactly some columns.</summary>
    public static string Fit(string text, int columns)
    {
        var cut = Cut(text, columns);
        return cut + new string(' ', Math.Max(0, columns - CellWidth.Of(cut)));
    }

    private static string Number(double value, string unit) =>
        string.Create(CultureInfo.InvariantCulture, $"{value.ToString(value < 9.995 ? "0.0" : "0", CultureInfo.InvariantCulture)} {unit}");
}
