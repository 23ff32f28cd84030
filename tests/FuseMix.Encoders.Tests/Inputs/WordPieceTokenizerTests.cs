using FuseMix.Encoders.Inputs;

namespace FuseMix.Encoders.Tests.Inputs;

public class WordPieceTokenizerTests
{
    private static readonly string[] Pieces =
    [
        "[PAD]", "[UNK]", "[CLS]", "[SEP]", "un", "##aff", "##able", "run", "##ning", ",", "!", "cafe", "café", "the", "The", "ﬁ", "你", "好",
        "-", "5", "ᄒ", "##ᅡ", "##ᆫ",
    ];

    private static string[] Cut(string text, bool lowercase = true, int maxTokens = 64) =>
        [.. new WordPieceTokenizer(Pieces, lowercase, "vocab.txt").Encode(text, maxTokens).Select(id => Pieces[id])];

    [Theory]
    [InlineData("", "[CLS] [SEP]")]
    [InlineData("unaffable", "[CLS] un ##aff ##able [SEP]")]
    [InlineData("UNaffable  running,\trun!", "[CLS] un ##aff ##able run ##ning , run ! [SEP]")]
    [InlineData("unaffableX run", "[CLS] [UNK] run [SEP]")]
    [InlineData("Café cafe\u0301", "[CLS] cafe cafe [SEP]")]
    [InlineData("ﬁ", "[CLS] ﬁ [SEP]")]
    [InlineData("run你好run", "[CLS] run 你 好 run [SEP]")]
    [InlineData("5-5", "[CLS] 5 - 5 [SEP]")]
    [InlineData("한", "[CLS] ᄒ ##ᅡ ##ᆫ [SEP]")]
    [InlineData("r\u00ADu\u200Bn\0", "[CLS] run [SEP]")]
    [InlineData("\uD800run", "[CLS] run [SEP]")]
    public void Uncased_texts_are_cut_as_bert_cuts_them(string text, string expected) => Assert.Equal(expected.Split(' '), Cut(text));

    [Theory]
    [InlineData("The the", "[CLS] The the [SEP]")]
    [InlineData("café", "[CLS] café [SEP]")]
    public void Cased_texts_keep_case_and_accents(string text, string expected) =>
        Assert.Equal(expected.Split(' '), Cut(text, lowercase: false));

    [Theory]
    [InlineData(1, "[CLS]")]
    [InlineData(2, "[CLS] [SEP]")]
    [InlineData(4, "[CLS] un ##aff [SEP]")]
    [InlineData(5, "[CLS] un ##aff ##able [SEP]")]
    [InlineData(6, "[CLS] un ##aff ##able run [SEP]")]
    public void A_longer_text_is_cut_before_the_last_special_token(int maxTokens, string expected) =>
        Assert.Equal(expected.Split(' '), Cut("unaffable run run run", maxTokens: maxTokens));

    [Fact]
    public void A_word_of_more_than_100_characters_is_unknown() => Assert.Equal(["[CLS]", "[UNK]", "[SEP]"], Cut(new string('u', 101)));

    [Fact]
    public void A_huge_text_costs_no_more_than_its_first_tokens() => Assert.Equal(8, Cut(new string('!', 50_000_000), maxTokens: 8).Length);

    [Fact]
    public void A_file_without_special_tokens_is_refused()
    {
        var refused = Assert.Throws<FuseMixException>(() => new WordPieceTokenizer(["a", "b"], true, "vocab.txt"));
        Assert.Contains("[CLS]", refused.Message);
    }
}
