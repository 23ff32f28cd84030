using System.Buffers;
using System.Text;

namespace FuseMix.Core.Texts;

/// <summary>Reads a text as code points in Unicode normalisation form KC, one by one, in linear time whatever the text.</summary>
/// <remarks>A surrogate without its partner is passed on as it is, as JavaScript does.</remarks>
internal ref struct CompatibilityReader(ReadOnlySpan<char> text)
{
    // No code point below this one combines with what stands before it.
    private const int FirstCombining = 0x300;

    private readonly ReadOnlySpan<char> _text = text;
    private readonly List<int> _segment = [];
    private int _next;
    private int _position;

    /// <summary>Moves to the next code point.</summary>
    public bool TryRead(out int code)
    {
        if (_next < _segment.Count)
        {
            code = _segment[_next++];
            return true;
        }

        if (_position >= _text.Length)
        {
            code = 0;
            return false;
        }

        code = _text[_position];
        if (code < 0x80 && (_position + 1 == _text.Length || _text[_position + 1] < FirstCombining))
        {
            _position++;
            return true;
        }

        FillSegment();
        code = _segment[_next++];
        return true;
    }

    private void FillSegment()
    {
        _segment.Clear();
        _next = 0;
        while (_position < _text.Length)
        {
            var code = CodeAt(_position, out var length);
            if (_segment.Count > 0 && UnicodeComposition.IsBoundary(UnicodeComposition.FirstOf(code))) break;
            UnicodeComposition.Decompose(code, _segment);
            _position += length;
        }

        Reorder();
        Compose();
    }

    private readonly int CodeAt(int position, out int length)
    {
        if (Rune.DecodeFromUtf16(_text[position..], out var rune, out length) == OperationStatus.Done) return rune.Value;
        length = 1;
        return _text[position];
    }

    // A stable sort by combining class of every run between two starters: real text has one or two marks in a run, a hostile one a million.
    private readonly void Reorder()
    {
        for (var i = 0; i < _segment.Count;)
        {
            if (UnicodeComposition.CombiningClass(_segment[i]) == 0)
            {
                i++;
                continue;
            }

            var start = i;
            while (i < _segment.Count && UnicodeComposition.CombiningClass(_segment[i]) != 0) i++;
            if (i - start == 1) continue;
            var keys = new long[i - start];
            for (var j = 0; j < keys.Length; j++) keys[j] = ((long)UnicodeComposition.CombiningClass(_segment[start + j]) << 32) | (uint)j;
            var marks = _segment.GetRange(start, keys.Length);
            Array.Sort(keys);
            for (var j = 0; j < keys.Length; j++) _segment[start + j] = marks[(int)(uint)keys[j]];
        }
    }

    private readonly void Compose()
    {
        var (starter, kept, lastClass) = (-1, 0, 0);
        for (var i = 0; i < _segment.Count; i++)
        {
            var code = _segment[i];
            var combiningClass = UnicodeComposition.CombiningClass(code);
            if (starter >= 0 && (kept - 1 == starter || lastClass < combiningClass))
            {
                var composite = UnicodeComposition.Compose(_segment[starter], code);
                if (composite >= 0)
                {
                    _segment[starter] = composite;
                    continue;
                }
            }

            if (combiningClass == 0) starter = kept;
            lastClass = combiningClass;
            _segment[kept++] = code;
        }

        _segment.RemoveRange(kept, _segment.Count - kept);
    }
}
