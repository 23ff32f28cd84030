using FuseMix.Encoders.Packs;
using FuseMix.Encoders.Sessions;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace FuseMix.Encoders.Inputs;

/// <summary>One way to turn items into a model's input tensors. A new kind of preprocessing is one class that implements this.</summary>
/// <remarks>Thread-safe.</remarks>
internal interface IPreprocessing
{
    /// <summary>The tensors that are fed.</summary>
    IReadOnlyList<InputTensor> Tensors { get; }

    /// <summary>The cheap part of one item's work: enough to know its length.</summary>
    /// <exception cref="FuseMixException">The item cannot be encoded.</exception>
    PreparedItem Prepare(EncoderInput input);

    /// <summary>Buffers for one call of the model.</summary>
    /// <param name="rows">Items in the call.</param>
    /// <param name="length">Positions per item, at least that of the longest.</param>
    ModelCall Begin(int rows, int length);

    /// <summary>Two different items for trying out a model.</summary>
    (EncoderInput First, EncoderInput Second) Probes { get; }

    /// <summary>The preprocessing that a pack's definition asks for, with its files opened.</summary>
    static IPreprocessing Open(EncoderPack pack, long maxPixels) => pack.Definition switch
    {
        { Text: { } text } => new TextPreprocessing(text, TextTokenizers.Open(text, pack.PathOf(text.TokenizerFile))),
        { Image: { } image } => new ImagePreprocessing(image, maxPixels),
        _ => throw new FuseMixException(FailureKind.Invalid, $"The encoder '{pack.Name}' has no preprocessing that is known here."),
    };
}

/// <summary>A tensor that a preprocessing feeds.</summary>
/// <param name="Key">Which key of encoder.json names it.</param>
/// <param name="Name">Its name in the model.</param>
/// <param name="Type">Its element type.</param>
/// <param name="Shape">Its shape; -1 where it depends on the items.</param>
internal sealed record InputTensor(string Key, string Name, TensorElementType Type, IReadOnlyList<int> Shape);

/// <summary>An item after the cheap part of its preprocessing.</summary>
/// <param name="Content">What the preprocessing keeps of it.</param>
/// <param name="Length">Positions, 0 where items have no length.</param>
internal readonly record struct PreparedItem(object Content, int Length);

/// <summary>The pooled input buffers of one call of the model.</summary>
internal abstract class ModelCall : IDisposable
{
    /// <summary>The expensive part of one item's work: writes it as row <paramref name="row"/>. A row may be written again.</summary>
    /// <exception cref="FuseMixException">The item cannot be encoded; the row may be used for another one.</exception>
    public abstract void Fill(int row, PreparedItem item);

    /// <summary>The input tensors in the order of <see cref="IPreprocessing.Tensors"/>, over the same memory.</summary>
    public abstract OrtValue[] ToTensors();

    public abstract void Dispose();
}
