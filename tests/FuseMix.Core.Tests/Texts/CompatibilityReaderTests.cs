using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using FuseMix.Core.Texts;

namespace FuseMix.Core.Tests.Texts;

public sealed class CompatibilityReaderTests
{
    [Fact]
    public void Every_case_of_the_conformance_sample_holds()
    {
        var cases = 0;
        foreach (var line in File.ReadLines(Sample()))
        {
            if (line.StartsWith('#')) continue;
            var fields = line.Split(';');
            var source = Text(fields[0]);
            var expected = Text(fields[1]);

            Assert.True(Normalise(source) == expected, $"{fields[0]} became {Codes(Normalise(source))}, not {fields[1]}");
            Assert.Equal(expected, Normalise(expected));
            cases++;
        }

        Assert.True(cases > 1500);
    }

    [Theory]
    [InlineData("ﬁne ＡＢＣ ①", "fine ABC 1")]
    [InlineData("e\u0301 \u1112\u1161\u11ab", "é 한")]
    [InlineData("한\u11a8", "한\u11a8")]
    [InlineData("하\u11ab", "한")]
    [InlineData("½", "1⁄2")]
    [InlineData("", "")]
    [InlineData("a\0\u0001\u007f", "a\0\u0001\u007f")]
    public void A_text_gets_its_compatibility_form(string text, string expected) => Assert.Equal(expected, Normalise(text));

    [Fact]
    public void A_surrogate_without_its_partner_is_passed_on()
    {
        Assert.Equal("a\uD800b", Normalise("a\uD800b"));
        Assert.Equal("\uDC00\uD800", Normalise("\uDC00\uD800"));
        Assert.Equal("é\uDBFF", Normalise("e\u0301\uDBFF"));
    }

    [Fact]
    public void A_million_marks_on_one_letter_are_sorted_by_class_and_kept_in_order_within_it()
    {
        var marks = new StringBuilder("q");
        for (var i = 0; i < 500_000; i++) marks.Append('\u0323').Append('\u0301');
        var expected = "q" + new string('\u0323', 500_000) + new string('\u0301', 500_000);

        Assert.Equal(expected, Normalise(marks.ToString().Replace("\u0323\u0301", "\u0301\u0323")));
        Assert.Equal(expected, Normalise(marks.ToString()));
    }

    [Fact]
    public void A_form_does_not_change_again_and_parts_at_boundaries_go_alone()
    {
        var random = new System.Random(11);
        var alphabet = "a é\u0301\u0323ﬃ한\u1161\u11a8①\u09c7\u09be\u2126\uD83D\uDE00".EnumerateRunes().ToArray();
        for (var round = 0; round < 500; round++)
        {
            var runes = Enumerable.Range(0, 30).Select(_ => alphabet[random.Next(alphabet.Length)]).ToArray();
            var whole = Normalise(string.Concat(runes));

            Assert.Equal(whole, Normalise(whole));
            for (var cut = 1; cut < runes.Length; cut++)
            {
                if (UnicodeComposition.IsBoundary(UnicodeComposition.FirstOf(runes[cut].Value)))
                    Assert.Equal(whole, Normalise(string.Concat(runes[..cut])) + Normalise(string.Concat(runes[cut..])));
            }
        }
    }

    private static string Normalise(string text)
    {
        var result = new StringBuilder();
        var reader = new CompatibilityReader(text);
        while (reader.TryRead(out var code))
        {
            if (code is >= 0xD800 and < 0xE000) result.Append((char)code);
            else result.Append(char.ConvertFromUtf32(code));
        }

        return result.ToString();
    }

    private static string Text(string codes) =>
        string.Concat(
            codes.Split(' ').Select(c => char.ConvertFromUtf32(int.Parse(c, NumberStyles.HexNumber, CultureInfo.InvariantCulture))));

    private static string Codes(string text) =>
        string.Join(' ', text.EnumerateRunes().Select(r => r.Value.ToString("X4", CultureInfo.InvariantCulture)));

    private static string Sample([CallerFilePath] string here = "") => Path.Combine(Path.GetDirectoryName(here)!, "nfkc-conformance.txt");
}
