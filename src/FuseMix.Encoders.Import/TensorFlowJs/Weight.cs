namespace FuseMix.Encoders.Import.TensorFlowJs;

/// <summary>A named constant of a model.</summary>
/// <param name="Name">Its name, unique in the model.</param>
/// <param name="Shape">Its dimensions; none for a scalar.</param>
/// <param name="Values">Its values in fp32, row-major; whole numbers and truth values are widened.</param>
internal sealed record Weight(string Name, int[] Shape, float[] Values)
{
    /// <summary>The dimensions, for messages.</summary>
    public string ShapeText => $"[{string.Join(", ", Shape)}]";
}
