using System.Globalization;
using System.Runtime.CompilerServices;

namespace FuseMix.Core.Texts;

/// <summary>The tables of Unicode normalisation form KC, version 15.0.0, read once from a resource.</summary>
/// <remarks>
/// They are our own because the platform's normalisation does nothing at all where it runs without ICU, and follows the installed ICU's
/// version where it does not: token ids must not depend on either.
/// </remarks>
internal static class UnicodeComposition
{
    // Hangul syllables are arithmetic (Unicode 15.0, section 3.12).
    private const int SyllableBase = 0xAC00;
    private const int LeadBase = 0x1100;
    private const int VowelBase = 0x1161;
    private const int TailBase = 0x11A7;
    private const int LeadCount = 19;
    private const int VowelCount = 21;
    private const int TailCount = 28;
    private const int SyllableCount = LeadCount * VowelCount * TailCount;

    // One word per code point, in pages of 256: combining class (8 bits), combines backward (1), length (5) and place (18) of its
    // decomposition.
    private const uint CombinesBackwardBit = 1 << 8;
    private const int LengthShift = 9;
    private const int PlaceShift = 14;

    private static readonly uint[]?[] Pages = new uint[]?[0x110000 >> 8];
    private static readonly Dictionary<ulong, int> Composites = [];
    private static readonly int[] Sequences;

    static UnicodeComposition()
    {
        var sequences = new List<int>();
        using var resource = typeof(UnicodeComposition).Assembly.GetManifestResourceStream("unicode-nfkc-15.0.txt")!;
        using var reader = new StreamReader(resource);
        while (reader.ReadLine() is { } line)
        {
            if (line.StartsWith('#')) continue;
            var fields = line.Split(' ');
            switch (fields[0])
            {
                case "c":
                    var range = fields[2].Split("..");
                    for (var code = Hex(range[0]); code <= Hex(range[1]); code++)
                        Entry(code) |= uint.Parse(fields[1], CultureInfo.InvariantCulture);
                    break;
                case "d":
                    Entry(Hex(fields[1])) |= ((uint)(fields.Length - 2) << LengthShift) | ((uint)sequences.Count << PlaceShift);
                    foreach (var field in fields.AsSpan(2)) sequences.Add(Hex(field));
                    break;
                case "p":
                    Composites.Add(Pair(Hex(fields[1]), Hex(fields[2])), Hex(fields[3]));
                    Entry(Hex(fields[2])) |= CombinesBackwardBit;
                    break;
            }
        }

        for (var vowel = VowelBase; vowel < VowelBase + VowelCount; vowel++) Entry(vowel) |= CombinesBackwardBit;
        for (var tail = TailBase + 1; tail < TailBase + TailCount; tail++) Entry(tail) |= CombinesBackwardBit;
        Sequences = [.. sequences];
    }

    /// <summary>The canonical combining class of a code point; 0 for a starter.</summary>
    public static byte CombiningClass(int code) => (byte)Properties(code);

    /// <summary>Whether nothing before a code point can reorder or compose with it: the text may be cut there.</summary>
    public static bool IsBoundary(int code) => (Properties(code) & (CombinesBackwardBit | 0xFF)) == 0;

    /// <summary>Appends the full compatibility decomposition of a code point.</summary>
    public static void Decompose(int code, List<int> into)
    {
        var properties = Properties(code);
        var length = (int)(properties >> LengthShift) & 31;
        if (length > 0)
        {
            into.AddRange(Sequences.AsSpan((int)(properties >> PlaceShift), length));
        }
        else if ((uint)(code - SyllableBase) < SyllableCount)
        {
            var index = code - SyllableBase;
            into.Add(LeadBase + (index / (VowelCount * TailCount)));
            into.Add(VowelBase + (index % (VowelCount * TailCount) / TailCount));
            if (index % TailCount != 0) into.Add(TailBase + (index % TailCount));
        }
        else
        {
            into.Add(code);
        }
    }

    /// <summary>The first code point of a code point's decomposition.</summary>
    public static int FirstOf(int code)
    {
        var properties = Properties(code);
        return ((properties >> LengthShift) & 31) > 0 ? Sequences[properties >> PlaceShift]
            : (uint)(code - SyllableBase) < SyllableCount ? LeadBase + ((code - SyllableBase) / (VowelCount * TailCount))
            : code;
    }

    /// <summary>The one code point that two adjacent ones compose to, or -1.</summary>
    public static int Compose(int first, int second)
    {
        if ((uint)(first - LeadBase) < LeadCount && (uint)(second - VowelBase) < VowelCount)
            return SyllableBase + ((((first - LeadBase) * VowelCount) + second - VowelBase) * TailCount);
        if ((uint)(first - SyllableBase) < SyllableCount
            && (first - SyllableBase) % TailCount == 0
            && (uint)(second - TailBase - 1) < TailCount - 1)
            return first + second - TailBase;
        return Composites.TryGetValue(Pair(first, second), out var composite) ? composite : -1;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint Properties(int code) => Pages[code >> 8] is { } page ? page[code & 0xFF] : 0;

    private static ref uint Entry(int code) => ref (Pages[code >> 8] ??= new uint[256])[code & 0xFF];

    private static ulong Pair(int first, int second) => ((ulong)(uint)first << 32) | (uint)second;

    private static int Hex(string text) => int.Parse(text, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
}
