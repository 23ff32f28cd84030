namespace FuseMix.Cli.Output;

/// <summary>A curve in one line of block characters.</summary>
internal static class Sparkline
{
    private const string Levels = "▁▂▃▄▅▆▇█";

    /// <summary>Draws finite values into at most <paramref name="width"/> columns; each column shows the mean of its share of the
    /// values.</summary>
    public static string Draw(IReadOnlyList<double> values, int width)
    {
        var finite = values.Where(double.IsFinite).ToArray();
        if (finite.Length == 0 || width <= 0) return "";
        var columns = Math.Min(width, finite.Length);
        var means = new double[columns];
        for (var c = 0; c < columns; c++)
        {
            var from = (int)((long)c * finite.Length / columns);
            var to = (int)((long)(c + 1) * finite.Length / columns);
            means[c] = finite[from..to].Average();
        }

        var (low, high) = (means.Min(), means.Max());
        return string.Create(columns, (means, low, high), static (line, state) =>
        {
            for (var i = 0; i < line.Length; i++)
            {
                var height = state.high > state.low ? (state.means[i] - state.low) / (state.high - state.low) : 0;
                line[i] = Levels[(int)Math.Round(height * (Levels.Length - 1))];
            }
        });
    }
}
