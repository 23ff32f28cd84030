namespace FuseMix.Training;

/// <summary>Latents of several encoders of one modality side by side (the paper's HTS-AT ⊕ Whisper): row i is all rows i in a
/// line.</summary>
public sealed class ConcatenatedLatents : ILatentMatrix
{
    private readonly ILatentMatrix[] _parts;

    /// <summary>Puts latents side by side.</summary>
    /// <param name="parts">At least one; all with the same number of rows.</param>
    /// <exception cref="FuseMixException">The numbers of rows differ.</exception>
    public ConcatenatedLatents(params IReadOnlyList<ILatentMatrix> parts)
    {
        if (parts.Count == 0) throw new ArgumentException("Nothing to concatenate.", nameof(parts));
        _parts = [.. parts];
        Count = parts[0].Count;
        Dimension = parts.Sum(p => p.Dimension);
        var other = parts.FirstOrDefault(p => p.Count != Count);
        if (other is not null)
        {
            throw new FuseMixException(
                FailureKind.Invalid,
                $"Latents of {Count} and of {other.Count} items cannot be concatenated.",
                "Extract both encoders over the same dataset.");
        }
    }

    /// <inheritdoc/>
    public int Count { get; }

    /// <inheritdoc/>
    public int Dimension { get; }

    /// <inheritdoc/>
    public void Gather(ReadOnlySpan<int> rows, Span<float> destination)
    {
        // Row by row straight to its place: training gathers at every step, and allocates nothing there.
        var offset = 0;
        foreach (var part in _parts)
        {
            for (var i = 0; i < rows.Length; i++)
                part.Gather(rows.Slice(i, 1), destination.Slice((i * Dimension) + offset, part.Dimension));
            offset += part.Dimension;
        }
    }
}
