using System.Globalization;
using System.Text;

namespace FuseMix.Cli.Pictures;

/// <summary>A picture in characters: every cell shows two pixels, the upper as foreground of "▀" and the lower as its background.</summary>
internal static class HalfBlockPicture
{
    /// <summary>Draws a picture into <paramref name="columns"/> × <paramref name="columns"/>/2 cells, keeping its shape, on
    /// white.</summary>
    /// <param name="pixels">[height, width, channels], row-major, 8 bits; 4 channels are RGB with straight alpha.</param>
    /// <param name="width">Columns of pixels.</param>
    /// <param name="height">Rows of pixels.</param>
    /// <param name="channels">3 or 4.</param>
    /// <param name="columns">Cells per line, even.</param>
    /// <returns>Lines of exactly <paramref name="columns"/> cells, each ending in a reset.</returns>
    public static string[] Draw(ReadOnlySpan<byte> pixels, int width, int height, int channels, int columns)
    {
        var scale = Math.Max(width, height) / (double)columns;
        var (wide, high) = (Math.Max(1, (int)Math.Round(width / scale)), Math.Max(1, (int)Math.Round(height / scale)));
        var (left, top) = ((columns - wide) / 2, (columns - high) / 2);
        var small = new (byte R, byte G, byte B)[columns * columns];
        Array.Fill(small, ((byte)255, (byte)255, (byte)255));
        for (var y = 0; y < high; y++)
        {
            for (var x = 0; x < wide; x++)
                small[((y + top) * columns) + x + left] = Mean(pixels, width, height, channels, x, y, wide, high);
        }

        var lines = new string[columns / 2];
        var line = new StringBuilder();
        for (var row = 0; row < lines.Length; row++)
        {
            line.Clear();
            for (var x = 0; x < columns; x++)
            {
                var upper = small[(2 * row * columns) + x];
                var lower = small[(((2 * row) + 1) * columns) + x];
                line.Append(CultureInfo.InvariantCulture, $"\e[38;2;{upper.R};{upper.G};{upper.B};48;2;{lower.R};{lower.G};{lower.B}m▀");
            }

            lines[row] = line.Append("\e[0m").ToString();
        }

        return lines;
    }

    /// <summary>The mean of the source pixels that one small pixel covers, composited on white; at least one is covered.</summary>
    private static (byte R, byte G, byte B) Mean(
        ReadOnlySpan<byte> pixels, int width, int height, int channels, int x, int y, int wide, int high)
    {
        var (x0, y0) = ((int)((long)x * width / wide), (int)((long)y * height / high));
        var (x1, y1) = (Math.Max(x0 + 1, (int)((long)(x + 1) * width / wide)), Math.Max(y0 + 1, (int)((long)(y + 1) * height / high)));
        double r = 0, g = 0, b = 0;
        for (var sy = y0; sy < y1; sy++)
        {
            for (var sx = x0; sx < x1; sx++)
            {
                var pixel = pixels.Slice(((sy * width) + sx) * channels, channels);
                var alpha = channels == 4 ? pixel[3] / 255.0 : 1;
                r += (pixel[0] * alpha) + (255 * (1 - alpha));
                g += (pixel[1] * alpha) + (255 * (1 - alpha));
                b += (pixel[2] * alpha) + (255 * (1 - alpha));
            }
        }

        var count = (x1 - x0) * (y1 - y0);
        return (Round(r / count), Round(g / count), Round(b / count));
    }

    private static byte Round(double value) => (byte)Math.Clamp(Math.Round(value), 0, 255);
}
