namespace FuseMix.Core;

/// <summary>Rows of latents of one modality, however they are stored: in memory, or in fp16 shards on disk.</summary>
public interface ILatentMatrix
{
    /// <summary>Number of rows.</summary>
    int Count { get; }

    /// <summary>Values per row.</summary>
    int Dimension { get; }

    /// <summary>Copies the named rows, widened to fp32, into <paramref name="destination"/> [rows.Length × Dimension], row-major.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A row is outside 0..Count-1.</exception>
    void Gather(ReadOnlySpan<int> rows, Span<float> destination);
}
