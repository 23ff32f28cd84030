using System.Text;

namespace FuseMix.Cli.Output;

/// <summary>A table in the one look of this program. On a terminal it keeps within its width where words allow: no word is ever broken.
/// Elsewhere nothing is cut or broken. No line ends with spaces.</summary>
/// <param name="headings">One per column: one that starts with '&gt;' is of numbers, and to the right; one that starts with '…' is cut to
/// what the others leave.</param>
internal sealed class Table(params string[] headings)
{
    private const int Gap = 2;

    /// <summary>What a column that is cut keeps, however narrow it gets.</summary>
    private const int LeastCut = 12;

    private readonly List<string[]> _rows = [];

    /// <summary>Adds a row of plain texts.</summary>
    public Table Row(params string[] cells)
    {
        if (cells.Length != headings.Length)
            throw new ArgumentException($"A row has {cells.Length} cells, the table {headings.Length} columns.", nameof(cells));
        _rows.Add([.. cells.Select(cell => cell.ReplaceLineEndings(" "))]);
        return this;
    }

    /// <summary>The lines of the table.</summary>
    /// <param name="width">Columns of the terminal; null where there is none.</param>
    /// <param name="style">How headings are marked.</param>
    public IEnumerable<string> Lines(int? width, Style style)
    {
        var names = headings.Select(heading => heading.TrimStart('>', '…')).ToArray();
        var widths = Widths(names, width);
        yield return style.Bold(Line(names));
        yield return style.Dim(new string('─', widths.Sum() + (Gap * (widths.Length - 1))));
        foreach (var row in _rows)
        {
            var cells = row.Select(
                (cell, c) => IsCut(c) ? [Phrases.Cut(cell, widths[c])] : Phrases.Wrap(cell, widths[c]).ToArray()).ToArray();
            for (var line = 0; line < Math.Max(1, cells.Max(cell => cell.Length)); line++)
                yield return Line([.. cells.Select(cell => cell.ElementAtOrDefault(line) ?? "")]);
        }

        string Line(IReadOnlyList<string> cells)
        {
            var text = new StringBuilder();
            for (var c = 0; c < cells.Count; c++)
            {
                var padding = new string(' ', Math.Max(0, widths[c] - CellWidth.Of(cells[c])));
                if (c > 0) text.Append(' ', Gap);
                text.Append(headings[c].StartsWith('>') ? padding + cells[c] : cells[c] + padding);
            }

            return text.ToString().TrimEnd();
        }
    }

    private bool IsCut(int column) => headings[column].StartsWith('…');

    private int[] Widths(string[] names, int? most)
    {
        int[] widths = [.. names.Select((name, c) => _rows.Select(row => CellWidth.Of(row[c])).Append(CellWidth.Of(name)).Max())];
        if (most is not { } width) return widths;
        int[] least = [.. names.Select((name, c) => Least(name, c, widths[c]))];
        for (var excess = widths.Sum() + (Gap * (widths.Length - 1)) - width; excess > 0; excess--)
        {
            // What is cut gives first, then whatever is widest.
            var narrower = Enumerable.Range(0, widths.Length).Where(c => widths[c] > least[c])
                .OrderByDescending(IsCut).ThenByDescending(c => widths[c]).ToArray();
            if (narrower.Length == 0) break;
            widths[narrower[0]]--;
        }

        return widths;
    }

    private int Least(string name, int column, int natural) => headings[column] switch
    {
        ['>', ..] => natural,
        ['…', ..] => Math.Min(natural, Math.Max(LeastCut, CellWidth.Of(name))),
        _ => _rows.Select(row => row[column]).Append(name).SelectMany(cell => cell.Split(' ')).Max(CellWidth.Of),
    };
}
