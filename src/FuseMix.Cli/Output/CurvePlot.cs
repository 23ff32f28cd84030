namespace FuseMix.Cli.Output;

/// <summary>A curve with axes in a few lines of braille characters, each of which holds 2 × 4 dots.</summary>
internal static class CurvePlot
{
    private const char Empty = '\u2800';
    private static readonly int[,] Dots = { { 0x01, 0x08 }, { 0x02, 0x10 }, { 0x04, 0x20 }, { 0x40, 0x80 } };

    /// <summary>Draws points by a line; what falls into one column of dots is averaged.</summary>
    /// <param name="points">With ascending x from 0 to <paramref name="end"/>; those whose y is not finite are left out.</param>
    /// <param name="end">Where the x axis ends; more than 0.</param>
    /// <param name="label">What stands at the end of the x axis.</param>
    /// <param name="width">Columns in all, at least 40.</param>
    /// <param name="height">Lines of the curve, at least 2; the axis takes one more.</param>
    /// <returns>The lines; none where there are fewer than two points.</returns>
    public static IReadOnlyList<string> Draw(IReadOnlyList<(double X, double Y)> points, double end, string label, int width, int height)
    {
        var finite = points.Where(point => double.IsFinite(point.Y)).ToArray();
        if (finite.Length < 2 || end <= 0) return [];
        string Number(double value) => Phrases.Fixed(value, 2);
        var (low, high) = (finite.Min(point => point.Y), finite.Max(point => point.Y));
        var (top, bottom) = (Number(high), Number(low));
        var margin = Math.Max(top.Length, bottom.Length);
        var columns = width - margin - 2;
        var (across, down) = (columns * 2, height * 4);

        var means = finite.GroupBy(point => (int)Math.Clamp(point.X / end * (across - 1), 0, across - 1))
            .Select(share => (Column: share.Key, Row: RowOf(share.Average(point => point.Y)))).OrderBy(share => share.Column).ToArray();
        var cells = new int[height, columns];
        Set(means[0].Column, means[0].Row);
        foreach (var (from, to) in means.Zip(means.Skip(1)))
        {
            // As many dots as the longer way takes leave no gap.
            var dots = Math.Max(to.Column - from.Column, Math.Abs(to.Row - from.Row));
            for (var dot = 1; dot <= dots; dot++)
            {
                var share = (double)dot / dots;
                Set(
                    from.Column + (int)Math.Round((to.Column - from.Column) * share),
                    from.Row + (int)Math.Round((to.Row - from.Row) * share));
            }
        }

        var lines = new string[height + 1];
        for (var line = 0; line < height; line++)
        {
            var name = line == 0 ? top : line == height - 1 ? bottom : "";
            var curve = new string([.. Enumerable.Range(0, columns).Select(column => (char)(Empty + cells[line, column]))]);
            lines[line] = $"{name.PadLeft(margin)} {(name.Length > 0 ? '┤' : '│')}{curve}";
        }

        lines[height] = $"{new string(' ', margin)} └{new string('─', Math.Max(0, columns - label.Length - 1))} {label}";
        return lines;

        int RowOf(double value) => high > low ? (int)Math.Round((high - value) / (high - low) * (down - 1)) : down - 1;

        void Set(int column, int row) => cells[row / 4, column / 2] |= Dots[row % 4, column % 2];
    }
}
