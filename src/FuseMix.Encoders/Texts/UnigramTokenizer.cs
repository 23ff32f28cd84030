using System.Text;
using System.Text.Json;
using FuseMix.Core.Texts;

namespace FuseMix.Encoders.Texts;

/// <summary>Cuts a text into the most likely pieces of a unigram language model (SentencePiece), as the Universal Sentence Encoder
/// does.</summary>
/// <remarks>
/// <para>
/// The text is brought into Unicode normalisation form KC; if anything is left, U+2581 is put before it and in the place of every space.
/// Nothing is trimmed and case is kept. Of all ways to cut it into pieces, the one with the greatest sum of log-probabilities is taken
/// (Viterbi); a symbol at which no piece begins is unknown (id 0), and a run of unknown ones counts as one. No token marks the beginning or
/// the end. Source: Kudo, "Subword Regularization", 2018; the order of ties is that of the reference tokenizer.
/// </para>
/// <para>
/// Any text works, a surrogate without its partner included. Time is linear in the text, and memory holds no more of it than is undecided;
/// where more than 65,536 symbols in a row stay undecided (one letter repeated, never prose), the best way up to there is taken. One
/// instance may be used by any number of threads.
/// </para>
/// </remarks>
public sealed class UnigramTokenizer
{
    /// <summary>The id of what is in no piece.</summary>
    public const int UnknownId = 0;

    // Ids of special tokens, which stand at the head of the vocabulary and never match a text.
    private const int ReservedIds = 6;
    private const int Separator = 0x2581;
    private const int MaxPieces = 1_000_000;
    private const int MaxPieceLength = 256;

    private readonly PieceTrie _trie;
    private readonly double[] _scores;
    private readonly int[] _lengths;

    private UnigramTokenizer(List<(int[] Symbols, double Score)> vocabulary)
    {
        _trie = new PieceTrie(vocabulary.Select((piece, id) => (piece.Symbols, id)).Skip(ReservedIds));
        _scores = [.. vocabulary.Select(piece => piece.Score)];
        _lengths = [.. vocabulary.Select(piece => piece.Symbols.Length)];
        _lengths[UnknownId] = 1;
    }

    /// <summary>Number of ids, the reserved ones included; every id is below it.</summary>
    public int VocabularySize => _scores.Length;

    /// <summary>Reads a vocabulary: a JSON array of <c>[piece, log-probability]</c>, whose positions are the ids; null counts as
    /// 0.</summary>
    /// <param name="path">The file, e.g. <c>vocab.json</c> of a pack.</param>
    /// <exception cref="FuseMixException">The file is missing, or is not such an array; the entry at fault is named.</exception>
    public static UnigramTokenizer Load(string path)
    {
        try
        {
            var content = File.ReadAllBytes(path).AsMemory();
            if (content.Span.StartsWith(Encoding.UTF8.Preamble)) content = content[Encoding.UTF8.Preamble.Length..];
            using var document = JsonDocument.Parse(content);
            return new UnigramTokenizer(ReadVocabulary(document.RootElement, path));
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new FuseMixException(FailureKind.NotFound, $"There is no vocabulary '{path}'.", inner: e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new FuseMixException(FailureKind.Unavailable, $"The vocabulary '{path}' cannot be read: {e.Message}", inner: e);
        }
        catch (JsonException e)
        {
            throw Corrupt(path, $"it is not JSON ({e.Message})", e);
        }
    }

    /// <summary>The token ids of a text; no more of a long text is read than the ids asked for depend on.</summary>
    /// <param name="text">Any text.</param>
    /// <param name="maxTokens">The most ids to return, at least 1.</param>
    /// <returns>The first of the ids into which the whole text is cut; none for an empty text.</returns>
    public int[] Encode(string text, int maxTokens = int.MaxValue)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(maxTokens, 1);
        return new Lattice(this, text, maxTokens).Run();
    }

    private static List<(int[] Symbols, double Score)> ReadVocabulary(JsonElement root, string path)
    {
        if (root.ValueKind != JsonValueKind.Array || root.GetArrayLength() is <= ReservedIds or > MaxPieces)
            throw Corrupt(path, $"it is not an array of {ReservedIds + 1} to {MaxPieces:N0} pieces");
        var vocabulary = new List<(int[] Symbols, double Score)>(root.GetArrayLength());
        foreach (var entry in root.EnumerateArray())
        {
            if (entry.ValueKind != JsonValueKind.Array || entry.GetArrayLength() != 2 || entry[0].ValueKind != JsonValueKind.String)
                throw Corrupt(path, $"entry {vocabulary.Count} is not [piece, log-probability]");
            string piece;
            try
            {
                piece = entry[0].GetString()!;
            }
            catch (InvalidOperationException e)
            {
                throw Corrupt(path, $"the piece of entry {vocabulary.Count} is not a valid text", e);
            }

            var score = entry[1].ValueKind switch
            {
                JsonValueKind.Null => 0,
                JsonValueKind.Number when entry[1].TryGetDouble(out var number) && double.IsFinite(number) => number,
                _ => throw Corrupt(path, $"entry {vocabulary.Count} has no log-probability"),
            };
            int[] symbols = [.. piece.EnumerateRunes().Select(rune => rune.Value)];
            if (symbols.Length is 0 or > MaxPieceLength)
                throw Corrupt(
                    path, $"the piece of entry {vocabulary.Count} has {symbols.Length} characters rather than 1 to {MaxPieceLength}");
            vocabulary.Add((symbols, score));
        }

        return vocabulary;
    }

    private static FuseMixException Corrupt(string path, string why, Exception? inner = null) =>
        new(FailureKind.Corrupt, $"The vocabulary '{path}' cannot be used: {why}.", "Install the encoder pack again.", inner);

    /// <summary>The search for the best cut of one text: a window of the lattice whose beginning moves on as soon as it is
    /// decided.</summary>
    private ref struct Lattice
    {
        private const int FirstWindow = 512;
        private const int LastWindow = 65_536;

        private readonly UnigramTokenizer _model;
        private readonly List<int> _tokens = [];
        private readonly int _maxTokens;
        private CompatibilityReader _reader;
        private int[] _symbols = new int[FirstWindow];
        private double[] _best = new double[FirstWindow + 1];
        private int[] _words = new int[FirstWindow + 1];
        private int _symbolCount;
        private bool _ended;

        public Lattice(UnigramTokenizer model, ReadOnlySpan<char> text, int maxTokens)
        {
            (_model, _maxTokens) = (model, maxTokens);
            _reader = new CompatibilityReader(text);
            if (text.IsEmpty) _ended = true;
            else _symbols[_symbolCount++] = Separator;
        }

        public int[] Run()
        {
            var settleAt = FirstWindow;
            var start = 0;
            while (HasSymbol(start))
            {
                Extend(start++);
                if (start < settleAt) continue;
                var settled = Settle(start);
                if (_tokens.Count >= _maxTokens) return Result();
                start -= settled;
                // Trying again only after twice the undecided part keeps the whole linear even where ways stay apart for long.
                settleAt = Math.Max(FirstWindow, start * 2);
            }

            Emit(start);
            return Result();
        }

        private readonly int[] Result()
        {
            if (_tokens.Count > _maxTokens) _tokens.RemoveRange(_maxTokens, _tokens.Count - _maxTokens);
            return [.. _tokens];
        }

        private bool HasSymbol(int index)
        {
            while (_symbolCount <= index && !_ended)
            {
                if (!_reader.TryRead(out var symbol))
                {
                    _ended = true;
                    break;
                }

                if (_symbolCount == _symbols.Length)
                {
                    Array.Resize(ref _symbols, _symbols.Length * 2);
                    Array.Resize(ref _best, _symbols.Length + 1);
                    Array.Resize(ref _words, _symbols.Length + 1);
                }

                _symbols[_symbolCount++] = symbol == ' ' ? Separator : symbol;
            }

            return index < _symbolCount;
        }

        /// <summary>Offers every piece that begins at a position to the position where it ends.</summary>
        private void Extend(int start)
        {
            var node = PieceTrie.Root;
            var matched = false;
            for (var end = start; HasSymbol(end); end++)
            {
                node = _model._trie.Step(node, _symbols[end]);
                if (node == 0) break;
                var piece = _model._trie.PieceAt(node);
                if (piece < 0) continue;
                matched = true;
                Offer(start, end + 1, piece, _model._scores[piece]);
            }

            if (!matched) Offer(start, start + 1, UnknownId, 0);
        }

        // A best of 0 means "none yet" and is always replaced, even where it is a sum, which pieces without a score can make: the reference
        // does so.
        private readonly void Offer(int start, int end, int piece, double pieceScore)
        {
            var score = pieceScore + _best[start];
            if (_best[end] != 0 && score < _best[end]) return;
            _best[end] = score;
            _words[end] = piece;
        }

        /// <summary>Finds the last position that every way on goes through, emits the tokens before it and moves the window
        /// there.</summary>
        /// <param name="reached">The last position whose best way is final.</param>
        /// <returns>By how many symbols the window moved.</returns>
        private int Settle(int reached)
        {
            // What comes later goes back to one of these positions, so where their ways meet, all ways meet.
            var common = reached;
            var lowest = Math.Max(0, reached - _model._trie.LongestPiece + 1);
            for (var other = reached - 1; other >= lowest; other--) common = Meet(common, other);
            var forced = common == 0 && reached >= LastWindow;
            if (forced) common = reached;
            if (common == 0) return 0;
            Emit(common);
            var left = _symbolCount - common;
            Array.Copy(_symbols, common, _symbols, 0, left);
            Array.Copy(_best, common, _best, 0, left + 1);
            Array.Copy(_words, common, _words, 0, left + 1);
            // What was offered from before a forced end must not be found again: it would lead back behind it.
            var kept = forced ? 1 : left + 1;
            Array.Clear(_best, kept, common + left + 1 - kept);
            Array.Clear(_words, kept, common + left + 1 - kept);
            _symbolCount = left;
            return common;
        }

        private readonly int Meet(int a, int b)
        {
            while (a != b)
            {
                if (a > b) a -= _model._lengths[_words[a]];
                else b -= _model._lengths[_words[b]];
            }

            return a;
        }

        private readonly void Emit(int end)
        {
            var first = _tokens.Count;
            for (var position = end; position > 0; position -= _model._lengths[_words[position]]) _tokens.Add(_words[position]);
            _tokens.Reverse(first, _tokens.Count - first);
            var kept = first;
            for (var i = first; i < _tokens.Count; i++)
            {
                if (_tokens[i] == UnknownId && kept > 0 && _tokens[kept - 1] == UnknownId) continue;
                _tokens[kept++] = _tokens[i];
            }

            _tokens.RemoveRange(kept, _tokens.Count - kept);
        }
    }
}
