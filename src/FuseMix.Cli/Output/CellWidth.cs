using System.Globalization;
using System.Text;

namespace FuseMix.Cli.Output;

/// <summary>How many columns of a terminal a text takes.</summary>
internal static class CellWidth
{
    public static int Of(string text)
    {
        var width = 0;
        foreach (var element in Elements(text))
        {
            var widest = 0;
            foreach (var rune in element.EnumerateRunes()) widest = Math.Max(widest, Of(rune));
            width += widest;
        }

        return width;
    }

    /// <summary>The user-perceived characters, so that a family emoji is never cut in two.</summary>
    public static IEnumerable<string> Elements(string text)
    {
        var elements = StringInfo.GetTextElementEnumerator(text);
        while (elements.MoveNext()) yield return elements.GetTextElement();
    }

    private static int Of(Rune rune) => Rune.GetUnicodeCategory(rune) switch
    {
        UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.NonSpacingMark or UnicodeCategory.EnclosingMark => 0,
        _ => IsWide(rune.Value) ? 2 : 1,
    };

    private static bool IsWide(int c) =>
        c is (>= 0x1100 and <= 0x115F) or (>= 0x2E80 and <= 0xA4CF) or (>= 0xAC00 and <= 0xD7A3) or (>= 0xF900 and <= 0xFAFF)
            or (>= 0xFE30 and <= 0xFE6F) or (>= 0xFF00 and <= 0xFF60) or (>= 0xFFE0 and <= 0xFFE6) or (>= 0x1F300 and <= 0x1FAFF)
            or (>= 0x20000 and <= 0x3FFFD);
}
