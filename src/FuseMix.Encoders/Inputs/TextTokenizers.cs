namespace FuseMix.Encoders.Inputs;

/// <summary>The kinds of tokenizer that a pack may name.</summary>
internal static class TextTokenizers
{
    public static IReadOnlyList<string> Kinds { get; } = ["unigram", "wordpiece"];
}
