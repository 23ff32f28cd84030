using Spectre.Console;

namespace FuseMix.Cli.Output;

/// <summary>Tables in the one look of this program.</summary>
internal static class Tables
{
    /// <summary>A table with a heading per column; a heading that starts with '&gt;' makes a right-aligned column.</summary>
    public static Table Of(params string[] headings)
    {
        var table = new Table { Border = TableBorder.Simple, UseSafeBorder = false };
        table.BorderStyle = new Spectre.Console.Style(decoration: Decoration.Dim);
        foreach (var heading in headings)
        {
            var right = heading.StartsWith('>');
            var column = new TableColumn(new Text(right ? heading[1..] : heading, new Spectre.Console.Style(decoration: Decoration.Bold)));
            table.AddColumn(right ? column.RightAligned().NoWrap() : column);
        }

        return table;
    }

    /// <summary>Adds a row of plain texts, none of which is read as markup.</summary>
    public static Table Row(this Table table, params string[] cells)
    {
        table.AddRow(cells.Select(cell => new Text(cell)));
        return table;
    }
}
