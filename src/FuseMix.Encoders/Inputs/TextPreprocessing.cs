using System.Buffers;
using System.Numerics;
using FuseMix.Encoders.Packs;
using FuseMix.Encoders.Sessions;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace FuseMix.Encoders.Inputs;

/// <summary>Texts as token ids, padded to the longest of the call, with the mask and segment ids that the model wants.</summary>
internal sealed class TextPreprocessing(TextInputDefinition definition, ITextTokenizer tokenizer) : IPreprocessing
{
    private readonly TextInputDefinition _definition = definition;

    public IReadOnlyList<InputTensor> Tensors { get; } = Describe(definition);

    public (EncoderInput First, EncoderInput Second) Probes =>
        (EncoderInput.FromText("a dog"), EncoderInput.FromText("Two red boats lie on the quiet lake, and nobody is there to row them."));

    public PreparedItem Prepare(EncoderInput input)
    {
        if (input.Text is not { } text)
            throw new FuseMixException(FailureKind.Invalid, "A text encoder was given bytes.", "Give it a text.");
        var ids = tokenizer.Encode(_definition.Prefix + text, _definition.MaxTokens);
        return new PreparedItem(ids, ids.Length);
    }

    public ModelCall Begin(int rows, int length) => new Call(this, rows, Math.Max(1, length));

    private static List<InputTensor> Describe(TextInputDefinition definition)
    {
        var tensors = new List<InputTensor> { new("text.ids", definition.Ids, ElementOf(definition.IdType), [-1, -1]) };
        if (definition.Mask is { } mask) tensors.Add(new("text.mask", mask, ElementOf(definition.MaskType), [-1, -1]));
        if (definition.TypeIds is { } types) tensors.Add(new("text.typeIds", types, ElementOf(definition.IdType), [-1, -1]));
        return tensors;
    }

    private static TensorElementType ElementOf(TokenType type) => type switch
    {
        TokenType.Int64 => TensorElementType.Int64,
        TokenType.Int32 => TensorElementType.Int32,
        _ => TensorElementType.Float,
    };

    private sealed class Call : ModelCall
    {
        private readonly TokenBuffer _ids;
        private readonly List<TokenBuffer> _buffers = [];
        private readonly TokenBuffer? _mask;

        public Call(TextPreprocessing owner, int rows, int length)
        {
            var definition = owner._definition;
            _buffers.Add(_ids = TokenBuffer.Rent(definition.IdType, rows, length, definition.PaddingId));
            if (definition.Mask is not null) _buffers.Add(_mask = TokenBuffer.Rent(definition.MaskType, rows, length, 0));
            if (definition.TypeIds is not null) _buffers.Add(TokenBuffer.Rent(definition.IdType, rows, length, 0));
        }

        public override void Fill(int row, PreparedItem item)
        {
            var ids = (int[])item.Content;
            for (var i = 0; i < ids.Length; i++)
            {
                _ids.Set(row, i, ids[i]);
                _mask?.Set(row, i, 1);
            }
        }

        public override OrtValue[] ToTensors() => [.. _buffers.Select(buffer => buffer.ToTensor())];

        public override void Dispose()
        {
            foreach (var buffer in _buffers) buffer.Dispose();
            _buffers.Clear();
        }
    }

    /// <summary>A pooled [rows, length] tensor of small whole numbers in any element type.</summary>
    private abstract class TokenBuffer : IDisposable
    {
        public static TokenBuffer Rent(TokenType type, int rows, int length, int fill) => type switch
        {
            TokenType.Int64 => new Of<long>(rows, length, fill),
            TokenType.Int32 => new Of<int>(rows, length, fill),
            _ => new Of<float>(rows, length, fill),
        };

        public abstract void Set(int row, int position, int value);

        public abstract OrtValue ToTensor();

        public abstract void Dispose();

        private sealed class Of<T> : TokenBuffer
            where T : unmanaged, INumber<T>
        {
            private readonly int _rows;
            private readonly int _length;
            private T[]? _values;

            public Of(int rows, int length, int fill)
            {
                (_rows, _length) = (rows, length);
                _values = ArrayPool<T>.Shared.Rent(rows * length);
                _values.AsSpan(0, rows * length).Fill(T.CreateChecked(fill));
            }

            public override void Set(int row, int position, int value) => _values![row * _length + position] = T.CreateTruncating(value);

            public override OrtValue ToTensor() =>
                OrtValue.CreateTensorValueFromMemory(OrtMemoryInfo.DefaultInstance, _values.AsMemory(0, _rows * _length), [_rows, _length]);

            public override void Dispose()
            {
                if (_values is null) return;
                ArrayPool<T>.Shared.Return(_values);
                _values = null;
            }
        }
    }
}
