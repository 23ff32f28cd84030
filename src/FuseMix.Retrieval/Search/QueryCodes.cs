namespace FuseMix.Retrieval.Search;

/// <summary>A query as the first pass sees it, with the bound on what the first pass gets wrong.</summary>
/// <remarks>
/// <para>
/// A row is x = s·c + r and a query q = t·k + p, with 8-bit integers c and k and the rests r and p. Then
/// q·x − t·s·(k·c) = t·k·r + p·x, and by Cauchy and Schwarz its size is at most ‖t·k‖·‖r‖ + ‖p‖·‖x‖. ‖r‖ is stored with the row, ‖x‖ is at
/// most 1 +
/// <see cref="Shards.ShardWriter.UnitTolerance"/>, the others are computed here in double precision. So
/// |score − Scale·s·(k·c)| ≤ ErrorFactor·‖r‖ + Slack for every row, where Slack also covers the rounding of the fp32 score itself and of
/// the first pass's few fp32 operations. A row is passed over only if its upper bound lies below k lower bounds, or below an exact score
/// that k rows reach: the result is that of the full fp32 scan, ties included.
/// </para>
/// <para>
/// The products run through vpmaddubsw, whose 16-bit sums saturate. Two of its results are added before they are widened, which puts 4
/// products into one 16-bit sum; with row bytes up to 255 that cannot overflow while the 4 query codes have absolute values of at most 128
/// together. The scale t is chosen by that rule, and codes that rounding puts above it are pulled in; whatever this costs in precision
/// shows up in ‖p‖, so the bound stays true.
/// </para>
/// </remarks>
internal readonly struct QueryCodes
{
    private const int GroupLimit = 128;

    private QueryCodes(float scale, float errorFactor, float slack, int offset) =>
        (Scale, ErrorFactor, Slack, Offset) = (scale, errorFactor, slack, offset);

    /// <summary>t: multiplies the integer product and the row's scale.</summary>
    public float Scale { get; }

    /// <summary>‖t·k‖, rounded up.</summary>
    public float ErrorFactor { get; }

    /// <summary>The part of the bound that all rows share.</summary>
    public float Slack { get; }

    /// <summary>128·Σk: what the rows' bytes, being codes + 128, add to every product.</summary>
    public int Offset { get; }

    /// <summary>Codes a query; <paramref name="query"/> and <paramref name="codes"/> have the stride's length, a multiple of 16.</summary>
    public static QueryCodes Write(ReadOnlySpan<float> query, Span<sbyte> codes)
    {
        float group = 0, largest = 0;
        double squares = 0;
        for (var i = 0; i < query.Length; i += 8)
        {
            for (var half = 0; half < 4; half += 2)
            {
                var (a, b, c, d) = (Math.Abs(query[i + half]), Math.Abs(query[i + half + 1]), Math.Abs(query[i + half + 4]), Math.Abs(query[i + half + 5]));
                group = Math.Max(group, a + b + c + d);
                largest = Math.Max(largest, Math.Max(Math.Max(a, b), Math.Max(c, d)));
            }
        }

        var scale = Math.Max(group / GroupLimit, largest / 127);
        for (var i = 0; i < query.Length; i++)
        {
            codes[i] = (sbyte)Math.Clamp((int)MathF.Round(query[i] / scale), -127, 127);
            squares += (double)query[i] * query[i];
        }

        for (var i = 0; i < query.Length; i += 8)
        {
            for (var half = 0; half < 4; half += 2) KeepBelowLimit(codes, i + half);
        }

        double coded = 0, lost = 0;
        var sum = 0;
        for (var i = 0; i < query.Length; i++)
        {
            var value = (double)scale * codes[i];
            coded += value * value;
            lost += (query[i] - value) * (query[i] - value);
            sum += codes[i];
        }

        // The fp32 score adds stride/16 products per lane and 16 lanes: at most (stride/16 + 5)·2⁻²⁴·‖q‖·‖x‖ off; 2⁻²³ and + 32 leave room
        // for the first pass's own roundings.
        var rounding = ((query.Length / 16.0) + 32) * Math.Pow(2, -23) * Math.Sqrt(squares);
        var slack = (Math.Sqrt(lost) + rounding) * (1 + (2 * Shards.ShardWriter.UnitTolerance));
        return new QueryCodes(scale, (float)(Math.Sqrt(coded) * (1 + 1e-6)), (float)slack, sum * RowCodes.Zero);
    }

    private static void KeepBelowLimit(Span<sbyte> codes, int at)
    {
        ReadOnlySpan<int> places = [at, at + 1, at + 4, at + 5];
        while (true)
        {
            int sum = 0, largest = at;
            foreach (var place in places)
            {
                sum += Math.Abs((int)codes[place]);
                if (Math.Abs((int)codes[place]) > Math.Abs((int)codes[largest])) largest = place;
            }

            if (sum <= GroupLimit) return;
            codes[largest] -= (sbyte)Math.Sign(codes[largest]);
        }
    }
}
