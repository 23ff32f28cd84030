using FuseMix.Encoders.Packs;
using FuseMix.Encoders.Texts;

namespace FuseMix.Encoders.Inputs;

/// <summary>A text to token ids. Thread-safe.</summary>
internal interface ITextTokenizer
{
    /// <summary>Any text, lone surrogates included, as at most <paramref name="maxTokens"/> ids; none for a text without tokens, where the
    /// kind adds no special ones.</summary>
    int[] Encode(string text, int maxTokens);
}

/// <summary>The kinds of tokenizer that a pack may name.</summary>
internal static class TextTokenizers
{
    public static IReadOnlyList<string> Kinds { get; } = ["unigram", "wordpiece"];

    /// <summary>Opens the tokenizer of a pack.</summary>
    /// <exception cref="FuseMixException">The file is not what the kind expects.</exception>
    public static ITextTokenizer Open(TextInputDefinition definition, string path) => definition.Tokenizer switch
    {
        "unigram" => new Unigram(UnigramTokenizer.Load(path)),
        "wordpiece" => new WordPieceTokenizer(File.ReadLines(path), definition.Lowercase, path),
        _ => throw FuseMixException.UnknownName("tokenizer kind", definition.Tokenizer, Kinds, FailureKind.Invalid),
    };

    private sealed class Unigram(UnigramTokenizer tokenizer) : ITextTokenizer
    {
        public int[] Encode(string text, int maxTokens) => tokenizer.Encode(text, maxTokens);
    }
}
