namespace FuseMix.Onnx;

/// <summary>An input or output of a model.</summary>
/// <param name="Name">The name that callers of the model use.</param>
/// <param name="Type">The type of its elements; <see cref="OnnxElement.Undefined"/> for what is not a tensor (a sequence, a map).</param>
/// <param name="Shape">Its dimensions; null where the model does not say how many there are.</param>
public sealed record OnnxTensor(string Name, OnnxElement Type, IReadOnlyList<OnnxDimension>? Shape)
{
    /// <summary>Type, name and shape, e.g. <c>Float latent [n, 512]</c>.</summary>
    public override string ToString() => $"{Type} {Name} [{(Shape is null ? "…" : string.Join(", ", Shape))}]";
}

/// <summary>What an ONNX file says about itself: enough to check an encoder pack without opening a session.</summary>
/// <param name="Path">The file.</param>
/// <param name="Length">Its size in bytes.</param>
/// <param name="IrVersion">The version of the format.</param>
/// <param name="Producer">The program that wrote it; empty where it does not say.</param>
/// <param name="Opsets">The version of each operator set it uses; the default one has the key "".</param>
/// <param name="Inputs">Its inputs in order, without those that have a constant value.</param>
/// <param name="Outputs">Its outputs in order.</param>
/// <param name="Operators">The operator types it uses, in ordinal order; those of another set as <c>domain.type</c>.</param>
/// <param name="ParameterCount">How many values its constant tensors hold.</param>
/// <param name="ExternalFiles">The files beside it that hold weights, relative to its folder, in ordinal order.</param>
/// <param name="Metadata">Its own entries of metadata.</param>
public sealed record OnnxModelFile(
    string Path,
    long Length,
    long IrVersion,
    string Producer,
    IReadOnlyDictionary<string, long> Opsets,
    IReadOnlyList<OnnxTensor> Inputs,
    IReadOnlyList<OnnxTensor> Outputs,
    IReadOnlyList<string> Operators,
    long ParameterCount,
    IReadOnlyList<string> ExternalFiles,
    IReadOnlyDictionary<string, string> Metadata)
{
    /// <summary>Reads and checks a model file; its weights are looked at only for their sizes.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="FuseMixException">
    /// The file is missing (<see cref="FailureKind.NotFound"/>), cut off, not an ONNX model or contradicts itself
    /// (<see cref="FailureKind.Corrupt"/>), or names weights outside its own folder (<see cref="FailureKind.Invalid"/>).
    /// </exception>
    public static OnnxModelFile Read(string path) => new OnnxModelReader(path).Read();
}
