namespace FuseMix.Core;

/// <summary>Latents in memory.</summary>
/// <param name="values">[count × dimension], row-major; not copied.</param>
/// <param name="dimension">Values per row, at least 1.</param>
/// <exception cref="ArgumentException">The values are not whole rows.</exception>
public sealed class LatentMatrix(float[] values, int dimension) : ILatentMatrix
{
    /// <inheritdoc/>
    public int Count { get; } = dimension > 0 && values.Length % dimension == 0
        ? values.Length / dimension
        : throw new ArgumentException($"{values.Length} values are not rows of {dimension}.", nameof(values));

    /// <inheritdoc/>
    public int Dimension => dimension;

    /// <summary>One row.</summary>
    public ReadOnlySpan<float> this[int row] => values.AsSpan(row * dimension, dimension);

    /// <inheritdoc/>
    public void Gather(ReadOnlySpan<int> rows, Span<float> destination)
    {
        for (var i = 0; i < rows.Length; i++) this[rows[i]].CopyTo(destination[(i * dimension)..]);
    }

    /// <summary>A copy in memory of any latents.</summary>
    public static LatentMatrix Copy(ILatentMatrix source)
    {
        var values = new float[(long)source.Count * source.Dimension];
        source.Gather(Enumerable.Range(0, source.Count).ToArray(), values);
        return new LatentMatrix(values, source.Dimension);
    }
}
