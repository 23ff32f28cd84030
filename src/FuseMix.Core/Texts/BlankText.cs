using System.Globalization;
using System.Text;

namespace FuseMix.Core.Texts;

/// <summary>Tells texts in which there is nothing to encode.</summary>
public static class BlankText
{
    /// <summary>Characters that Unicode says to show nothing for, though they are letters or marks by their category: joiners, fillers and
    /// selectors.</summary>
    private static readonly (int First, int Last)[] Ignorable =
    [
        (0x034F, 0x034F), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F),
        (0x3164, 0x3164), (0xFE00, 0xFE0F), (0xFFA0, 0xFFA0), (0xE0000, 0xE0FFF),
    ];

    /// <summary>Whether a text is empty, or all white space, control and format characters and such as show or stand for nothing.</summary>
    /// <remarks>An encoder makes a vector of it nevertheless, which is like nothing in particular.</remarks>
    public static bool Is(string text)
    {
        foreach (var character in text.EnumerateRunes())
        {
            if (!IsNothing(character)) return false;
        }

        return true;
    }

    private static bool IsNothing(Rune character) => Rune.IsWhiteSpace(character)
        || Rune.GetUnicodeCategory(character) is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.OtherNotAssigned
        || Array.Exists(Ignorable, range => character.Value >= range.First && character.Value <= range.Last);
}
