namespace FuseMix.Retrieval.Search;

/// <summary>8-bit codes of rows, for the first pass.</summary>
internal static class RowCodes
{
    /// <summary>The byte that stands for 0.</summary>
    public const byte Zero = 128;

    /// <summary>Writes the codes of one row into a tile of 32 rows; gives its scale and the length of what the codes lose.</summary>
    /// <param name="row">[dimension] finite values.</param>
    /// <param name="tile">[32 × stride] two blocks of 16 rows; a block holds 4 values of each row in turn.</param>
    /// <param name="index">0 to 31, the row's place in the tile.</param>
    /// <param name="stride">Stored values per row, a multiple of 16.</param>
    /// <returns>s and e with x = s·c + r, ‖r‖ ≤ e.</returns>
    public static (float Scale, float Error) Write(ReadOnlySpan<float> row, Span<byte> tile, int index, int stride)
    {
        var largest = 0f;
        foreach (var value in row) largest = Math.Max(largest, Math.Abs(value));
        var scale = largest / 127;
        double lost = 0;
        var block = tile.Slice(index / 16 * 16 * stride, 16 * stride);
        for (var i = 0; i < row.Length; i++)
        {
            var code = Math.Clamp((int)MathF.Round(row[i] / scale), -127, 127);
            block[(i / 4 * 64) + (index % 16 * 4) + (i % 4)] = (byte)(code + Zero);
            var rest = row[i] - ((double)scale * code);
            lost += rest * rest;
        }

        // Rounded up: the bound must hold for the number that is stored, not for the one that was computed.
        return (scale, (float)(Math.Sqrt(lost) * (1 + 1e-6)));
    }
}
