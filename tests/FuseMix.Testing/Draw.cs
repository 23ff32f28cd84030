namespace FuseMix.Testing;

/// <summary>Seeded random data of the shapes that tests need: the same seed gives the same values on every machine.</summary>
public static class Draw
{
    /// <summary>[rows × dimension] independent standard normal values, row-major.</summary>
    public static float[] Normal(int rows, int dimension, int seed)
    {
        var random = new Random(seed);
        var values = new float[rows * dimension];
        for (var i = 0; i < values.Length; i++) values[i] = Normal(random);
        return values;
    }

    /// <summary>[rows × dimension] rows of unit length in random directions, row-major.</summary>
    public static float[] UnitRows(int rows, int dimension, int seed) => Normalise(Normal(rows, dimension, seed), dimension);

    /// <summary>[rows × dimension] unit rows around a few centres, as real embeddings lie: <paramref name="spread"/> 0 puts all of a
    /// cluster on one point.</summary>
    public static float[] Clustered(int rows, int dimension, int clusters, float spread, int seed)
    {
        var centres = UnitRows(clusters, dimension, seed);
        var noise = Normal(rows, dimension, seed + 1);
        var random = new Random(seed + 2);
        for (var row = 0; row < rows; row++)
        {
            var centre = random.Next(clusters) * dimension;
            for (var i = 0; i < dimension; i++)
            {
                noise[row * dimension + i] = centres[centre + i] + noise[row * dimension + i] * spread / MathF.Sqrt(dimension);
            }
        }

        return Normalise(noise, dimension);
    }

    /// <summary>Scales every row to unit length, in place.</summary>
    public static float[] Normalise(float[] values, int dimension)
    {
        for (var row = 0; row < values.Length; row += dimension)
        {
            double squares = 0;
            for (var i = 0; i < dimension; i++) squares += (double)values[row + i] * values[row + i];
            for (var i = 0; i < dimension; i++) values[row + i] = (float)(values[row + i] / Math.Sqrt(squares));
        }

        return values;
    }

    // Box and Muller; System.Random with a seed is stable across releases by contract of its legacy algorithm.
    private static float Normal(Random random) =>
        (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()));
}
