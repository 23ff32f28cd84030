namespace FuseMix.Encoders.Texts;

/// <summary>The pieces of a vocabulary as a double-array trie over code points: one table look-up per symbol, no strings.</summary>
internal sealed class PieceTrie
{
    /// <summary>The node before the first symbol.</summary>
    public const int Root = 1;

    private readonly ushort[] _lowCodes = new ushort[0x10000];
    private readonly Dictionary<int, int> _highCodes = [];
    private int[] _bases = new int[1024];
    private int[] _parents = new int[1024];
    private int[] _pieces = new int[1024];
    private int _firstFree = Root + 1;
    private int _codes;

    /// <summary>Builds the trie; where a piece occurs twice, the later one wins.</summary>
    /// <param name="pieces">The code points and id of each piece.</param>
    public PieceTrie(IEnumerable<(int[] Symbols, int Id)> pieces)
    {
        var root = new Branch();
        foreach (var (symbols, id) in pieces)
        {
            var branch = root;
            foreach (var symbol in symbols)
            {
                var code = AddCode(symbol);
                if (!branch.Children.TryGetValue(code, out var child)) branch.Children.Add(code, child = new Branch());
                branch = child;
            }

            branch.Id = id;
            LongestPiece = Math.Max(LongestPiece, symbols.Length);
        }

        Place(root);
    }

    /// <summary>Symbols in the longest piece.</summary>
    public int LongestPiece { get; }

    /// <summary>The node that a symbol leads to, or 0 where no piece goes on with it.</summary>
    public int Step(int node, int symbol)
    {
        var code = symbol < 0x10000 ? _lowCodes[symbol] : _highCodes.GetValueOrDefault(symbol);
        if (code == 0) return 0;
        var next = _bases[node] + code;
        return next < _parents.Length && _parents[next] == node ? next : 0;
    }

    /// <summary>The id of the piece that ends at a node, or -1.</summary>
    public int PieceAt(int node) => _pieces[node] - 1;

    private int AddCode(int symbol)
    {
        var next = _codes + 1;
        if (symbol < 0x10000)
        {
            // 0 means "in no piece"; were all 65,535 others taken, the rest would still fit the dictionary.
            if (_lowCodes[symbol] == 0) _lowCodes[symbol] = (ushort)(_codes = next);
            return _lowCodes[symbol];
        }

        if (!_highCodes.TryGetValue(symbol, out var code)) _highCodes.Add(symbol, code = _codes = next);
        return code;
    }

    private void Place(Branch root)
    {
        var queue = new Queue<(Branch Branch, int Node)>([(root, Root)]);
        _parents[Root] = Root;
        while (queue.TryDequeue(out var entry))
        {
            var (branch, node) = entry;
            _pieces[node] = branch.Id + 1;
            if (branch.Children.Count == 0) continue;
            // Before the array is indexed: finding room may replace it by a larger one.
            var place = FreeBase(branch.Children.Keys);
            _bases[node] = place;
            foreach (var (code, child) in branch.Children)
            {
                var next = place + code;
                _parents[next] = node;
                queue.Enqueue((child, next));
            }

            while (_firstFree < _parents.Length && _parents[_firstFree] != 0) _firstFree++;
        }
    }

    private int FreeBase(ICollection<int> codes)
    {
        var (lowest, highest) = (codes.Min(), codes.Max());
        for (var place = Math.Max(_firstFree - lowest, 1); ; place++)
        {
            EnsureSize(place + highest + 1);
            var free = true;
            foreach (var code in codes)
            {
                if (_parents[place + code] == 0) continue;
                free = false;
                break;
            }

            if (free) return place;
        }
    }

    private void EnsureSize(int size)
    {
        if (size <= _parents.Length) return;
        var grown = Math.Max(size, _parents.Length * 2);
        Array.Resize(ref _bases, grown);
        Array.Resize(ref _parents, grown);
        Array.Resize(ref _pieces, grown);
    }

    private sealed class Branch
    {
        public Dictionary<int, Branch> Children { get; } = [];

        public int Id { get; set; } = -1;
    }
}
