namespace FuseMix.Onnx;

/// <summary>One dimension of a tensor's shape: a size, a name for a size that is known only when the model runs, or neither.</summary>
/// <param name="Size">The size, at least 0; null where it is known only when the model runs.</param>
/// <param name="Symbol">The name of a size that is not fixed, e.g. "batch"; the same name means the same size.</param>
public readonly record struct OnnxDimension(long? Size, string? Symbol)
{
    /// <summary>A fixed size.</summary>
    public static implicit operator OnnxDimension(long size) => new(size, null);

    /// <summary>A named size that is known only when the model runs.</summary>
    public static implicit operator OnnxDimension(string symbol) => new(null, symbol);
}
