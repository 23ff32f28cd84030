namespace FuseMix.Retrieval.Search;

/// <summary>Rows of one query that the first pass could not rule out.</summary>
/// <remarks>
/// The k best lower bounds are kept in a heap; its least is a score that k rows surely reach, so a row whose upper bound is below it is
/// out. A row at exactly that score stays in: the tie is decided by ids later.
/// </remarks>
internal sealed class Candidates
{
    private readonly float[] _lower;
    private readonly float _least;
    private int _known;
    private int[] _rows;
    private float[] _upper;

    public Candidates(int k, float least)
    {
        _lower = new float[k];
        _least = least;
        _rows = new int[(2 * k) + 256];
        _upper = new float[_rows.Length];
        Threshold = least;
    }

    /// <summary>Rows with an upper bound below this are of no use.</summary>
    public float Threshold { get; private set; }

    public int Count { get; private set; }

    public void Add(int row, float lower, float upper)
    {
        if (Count == _rows.Length) Compact();
        _rows[Count] = row;
        _upper[Count++] = upper;
        if (_known < _lower.Length)
        {
            Raise(_known++, lower);
            if (_known == _lower.Length) Threshold = Math.Max(_least, _lower[0]);
        }
        else if (lower > _lower[0])
        {
            Sink(lower);
            Threshold = Math.Max(_least, _lower[0]);
        }
    }

    /// <summary>The rows still in the running, the most promising first.</summary>
    public (ReadOnlyMemory<int> Rows, ReadOnlyMemory<float> Upper) Ranked()
    {
        DropHopeless();
        for (var i = 0; i < Count; i++) _upper[i] = -_upper[i];
        Array.Sort(_upper, _rows, 0, Count);
        for (var i = 0; i < Count; i++) _upper[i] = -_upper[i];
        return (_rows.AsMemory(0, Count), _upper.AsMemory(0, Count));
    }

    private void Compact()
    {
        DropHopeless();
        if (Count <= _rows.Length / 2) return;
        Array.Resize(ref _rows, _rows.Length * 2);
        Array.Resize(ref _upper, _rows.Length);
    }

    private void DropHopeless()
    {
        var kept = 0;
        for (var i = 0; i < Count; i++)
        {
            if (_upper[i] < Threshold) continue;
            _rows[kept] = _rows[i];
            _upper[kept++] = _upper[i];
        }

        Count = kept;
    }

    private void Raise(int at, float value)
    {
        while (at > 0 && _lower[(at - 1) / 2] > value)
        {
            _lower[at] = _lower[(at - 1) / 2];
            at = (at - 1) / 2;
        }

        _lower[at] = value;
    }

    private void Sink(float value)
    {
        var at = 0;
        while (true)
        {
            var child = (2 * at) + 1;
            if (child >= _lower.Length) break;
            if (child + 1 < _lower.Length && _lower[child + 1] < _lower[child]) child++;
            if (_lower[child] >= value) break;
            _lower[at] = _lower[child];
            at = child;
        }

        _lower[at] = value;
    }
}
