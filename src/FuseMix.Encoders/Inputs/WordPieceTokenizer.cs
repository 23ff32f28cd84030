using System.Globalization;
using System.Text;
using FuseMix.Core.Texts;

namespace FuseMix.Encoders.Inputs;

/// <summary>BERT's tokenizer: words and punctuation, then the longest known piece first, framed by [CLS] and [SEP].</summary>
/// <remarks>Devlin et al., 2018; reads the <c>vocab.txt</c> of a model: one piece a line, its line number is its id.</remarks>
internal sealed class WordPieceTokenizer : ITextTokenizer
{
    private const int MaxWordLength = 100;

    private readonly Dictionary<string, int> _vocabulary;
    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> _lookup;
    private readonly bool _lowercase;
    private readonly int _cls;
    private readonly int _sep;
    private readonly int _unknown;

    public WordPieceTokenizer(IEnumerable<string> pieces, bool lowercase, string source)
    {
        _vocabulary = new Dictionary<string, int>(StringComparer.Ordinal);
        var id = 0;
        foreach (var piece in pieces) _vocabulary.TryAdd(piece, id++);
        _lookup = _vocabulary.GetAlternateLookup<ReadOnlySpan<char>>();
        _lowercase = lowercase;
        _cls = Special("[CLS]");
        _sep = Special("[SEP]");
        _unknown = Special("[UNK]");

        int Special(string piece) => _vocabulary.TryGetValue(piece, out var found) ? found : throw new FuseMixException(
            FailureKind.Invalid,
            $"{source} is no WordPiece vocabulary: it has no line '{piece}'.",
            "Use the vocab.txt of the model: one piece a line.");
    }

    public int[] Encode(string text, int maxTokens)
    {
        var ids = new List<int>(Math.Min(maxTokens, 64)) { _cls };
        var room = Math.Max(0, maxTokens - 2);
        // Every piece but a word's first is looked up behind this mark.
        var piece = new char[MaxWordLength + 2];
        piece.AsSpan(0, 2).Fill('#');
        foreach (var word in Words(text))
        {
            if (ids.Count > room) break;
            AddPieces(word, piece, ids);
        }

        if (ids.Count > room + 1) ids.RemoveRange(room + 1, ids.Count - room - 1);
        if (maxTokens > 1) ids.Add(_sep);
        return [.. ids];
    }

    private void AddPieces(string word, char[] piece, List<int> ids)
    {
        var before = ids.Count;
        if (word.Length > MaxWordLength)
        {
            ids.Add(_unknown);
            return;
        }

        for (var start = 0; start < word.Length;)
        {
            var end = word.Length;
            for (; end > start; end--)
            {
                word.AsSpan(start, end - start).CopyTo(piece.AsSpan(2));
                if (!_lookup.TryGetValue(start == 0 ? piece.AsSpan(2, end) : piece.AsSpan(0, end - start + 2), out var id)) continue;
                ids.Add(id);
                break;
            }

            if (end == start)
            {
                // One unknown part makes the whole word unknown.
                ids.RemoveRange(before, ids.Count - before);
                ids.Add(_unknown);
                return;
            }

            start = end;
        }
    }

    private IEnumerable<string> Words(string text)
    {
        var word = new StringBuilder();
        var folded = new List<int>();
        foreach (var written in text.EnumerateRunes())
        {
            folded.Clear();
            if (_lowercase) Fold(written, folded);
            else folded.Add(written.Value);
            foreach (var rune in folded.Select(code => new Rune(code)))
            {
                var category = Rune.GetUnicodeCategory(rune);
                if (rune.Value is '\t' or '\n' or '\r' || category == UnicodeCategory.SpaceSeparator)
                {
                    if (word.Length > 0) yield return Take();
                }
                else if (IsPunctuation(rune, category) || IsIdeograph(rune.Value))
                {
                    if (word.Length > 0) yield return Take();
                    yield return rune.ToString();
                }
                else if (Counts(rune, category))
                {
                    word.Append(rune.ToString());
                }
            }
        }

        if (word.Length > 0) yield return Take();

        string Take()
        {
            var taken = word.ToString();
            word.Clear();
            return taken;
        }
    }

    /// <summary>A character in lower case, canonically decomposed.</summary>
    private static void Fold(Rune written, List<int> folded)
    {
        var lower = Rune.ToLowerInvariant(written).Value;
        UnicodeComposition.Decompose(lower, folded);
        if (folded.Count == 1 && folded[0] == lower) return;
        // The table decomposes ligatures and the like too, which BERT keeps: only what composes again was canonical.
        var composed = folded[0];
        for (var i = 1; i < folded.Count && composed >= 0; i++) composed = UnicodeComposition.Compose(composed, folded[i]);
        if (composed == lower) return;
        folded.Clear();
        folded.Add(lower);
    }

    private bool Counts(Rune rune, UnicodeCategory category) =>
        rune.Value is not (0 or 0xFFFD)
        && category is not (UnicodeCategory.Control or UnicodeCategory.Format
            or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned)
        && !(_lowercase && category == UnicodeCategory.NonSpacingMark);

    private static bool IsPunctuation(Rune rune, UnicodeCategory category) =>
        rune.Value is (>= 33 and <= 47) or (>= 58 and <= 64) or (>= 91 and <= 96) or (>= 123 and <= 126)
        || category is UnicodeCategory.ConnectorPunctuation or UnicodeCategory.DashPunctuation or UnicodeCategory.OpenPunctuation
            or UnicodeCategory.ClosePunctuation or UnicodeCategory.InitialQuotePunctuation or UnicodeCategory.FinalQuotePunctuation
            or UnicodeCategory.OtherPunctuation;

    private static bool IsIdeograph(int c) =>
        c is (>= 0x4E00 and <= 0x9FFF) or (>= 0x3400 and <= 0x4DBF) or (>= 0x20000 and <= 0x2A6DF) or (>= 0x2A700 and <= 0x2B73F)
            or (>= 0x2B740 and <= 0x2B81F) or (>= 0x2B820 and <= 0x2CEAF) or (>= 0xF900 and <= 0xFAFF) or (>= 0x2F800 and <= 0x2FA1F);
}
