using System.Text;

namespace FuseMix.Cli.Output;

/// <summary>A table in GitHub's Markdown, its columns aligned in the source too.</summary>
internal static class MarkdownTable
{
    /// <param name="header">One cell per column.</param>
    /// <param name="rows">Rows of as many cells.</param>
    /// <param name="rightAligned">Columns of numbers; the first column never is one.</param>
    public static string Write(IReadOnlyList<string> header, IReadOnlyList<IReadOnlyList<string>> rows, bool rightAligned = true)
    {
        foreach (var row in rows)
        {
            if (row.Count != header.Count)
                throw new ArgumentException($"A row has {row.Count} cells, the header {header.Count}.", nameof(rows));
        }

        var widths = header.Select(
            (name, c) => Math.Max(3, rows.Select(r => CellWidth.Of(Escape(r[c]))).Append(CellWidth.Of(Escape(name))).Max())).ToArray();
        var text = new StringBuilder();
        Append(text, header, widths, rightAligned);
        text.Append('|');
        for (var c = 0; c < widths.Length; c++)
        {
            var right = rightAligned && c > 0;
            text.Append(' ').Append('-', right ? widths[c] - 1 : widths[c]).Append(right ? ":" : "").Append(" |");
        }

        text.Append('\n');
        foreach (var row in rows) Append(text, row, widths, rightAligned);
        return text.ToString();
    }

    private static void Append(StringBuilder text, IReadOnlyList<string> cells, int[] widths, bool rightAligned)
    {
        text.Append('|');
        for (var c = 0; c < cells.Count; c++)
        {
            var cell = Escape(cells[c]);
            var padding = new string(' ', widths[c] - CellWidth.Of(cell));
            text.Append(' ').Append(rightAligned && c > 0 ? padding + cell : cell + padding).Append(" |");
        }

        text.Append('\n');
    }

    private static string Escape(string cell) => cell.Replace("|", "\\|", StringComparison.Ordinal).ReplaceLineEndings(" ");
}
