using FuseMix.Encoders.Texts;

namespace FuseMix.Encoders.Tests.Texts;

public sealed class PieceTrieTests
{
    [Fact]
    public void Every_piece_of_many_is_found_and_nothing_else()
    {
        var random = new System.Random(9);
        string[] pieces =
        [
            .. Enumerable.Range(0, 20_000)
                .Select(
                    _ => string.Concat(
                        Enumerable.Range(0, random.Next(1, 8)).Select(_ => (char)('一' + random.Next(random.Next(2) == 0 ? 40 : 4000)))))
                .Distinct(),
        ];
        var ids = pieces.Select((piece, id) => (piece, id)).ToDictionary(p => p.piece, p => p.id);
        var trie = new PieceTrie(pieces.Select((piece, id) => (Symbols(piece), id)));

        Assert.Equal(7, trie.LongestPiece);
        foreach (var piece in pieces.Concat(pieces.Select(p => p + '丁')).Concat(pieces.Select(p => p[1..] + "一")))
            Assert.Equal(ids.GetValueOrDefault(piece, -1), Find(trie, piece));
    }

    [Fact]
    public void A_symbol_of_no_piece_leads_nowhere()
    {
        var trie = new PieceTrie([([0x61], 0), ([0x61, 0x1F600], 1)]);

        Assert.Equal(0, trie.Step(PieceTrie.Root, 0x62));
        Assert.Equal(0, trie.Step(PieceTrie.Root, 0x1F600));
        Assert.Equal(0, trie.Step(PieceTrie.Root, 0x10FFFF));
        Assert.Equal(1, trie.PieceAt(trie.Step(trie.Step(PieceTrie.Root, 0x61), 0x1F600)));
    }

    private static int[] Symbols(string piece) => [.. piece.Select(c => (int)c)];

    private static int Find(PieceTrie trie, string piece)
    {
        var node = PieceTrie.Root;
        foreach (var symbol in Symbols(piece))
        {
            node = trie.Step(node, symbol);
            if (node == 0) return -1;
        }

        return trie.PieceAt(node);
    }
}
