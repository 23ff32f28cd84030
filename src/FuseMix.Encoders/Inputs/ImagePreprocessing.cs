using System.Buffers;
using FuseMix.Encoders.Images;
using FuseMix.Encoders.Packs;
using FuseMix.Encoders.Sessions;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace FuseMix.Encoders.Inputs;

/// <summary>Pictures as fp32 tensors: decoded, composited on white, resized, scaled.</summary>
internal sealed class ImagePreprocessing(ImageInputDefinition definition, long maxPixels) : IPreprocessing
{
    private readonly long _maxPixels = maxPixels;
    private readonly ImageResampler _resampler = new(definition);

    public IReadOnlyList<InputTensor> Tensors { get; } =
    [
        new("image.tensor", definition.Tensor, TensorElementType.Float, definition.Layout == ImageLayout.Nhwc
            ? [-1, definition.Height, definition.Width, 3]
            : [-1, 3, definition.Height, definition.Width]),
    ];

    public (EncoderInput First, EncoderInput Second) Probes => (Probe(1, 5), Probe(3, 2));

    public PreparedItem Prepare(EncoderInput input) => input switch
    {
        { Image: { } decoded } => new PreparedItem(decoded, 0),
        { Bytes: { } bytes } => new PreparedItem(bytes, 0),
        _ => throw new FuseMixException(FailureKind.Invalid, "An image encoder was given a text.", "Give it the bytes of an image file."),
    };

    public ModelCall Begin(int rows, int length) => new Call(this, rows);

    private static EncoderInput Probe(int across, int down)
    {
        const int size = 96;
        var pixels = new byte[size * size * 3];
        for (var i = 0; i < pixels.Length; i++)
        {
            int x = i / 3 % size, y = i / 3 / size;
            pixels[i] = (byte)(across * x * (1 + i % 3) + down * y + (x * y >> 3));
        }

        return EncoderInput.FromImage(new DecodedImage(pixels, size, size));
    }

    private sealed class Call(ImagePreprocessing owner, int rows) : ModelCall
    {
        private readonly float[] _values = ArrayPool<float>.Shared.Rent(rows * owner._resampler.Length);
        private bool _returned;

        public override void Fill(int row, PreparedItem item)
        {
            var destination = _values.AsSpan(row * owner._resampler.Length, owner._resampler.Length);
            if (item.Content is DecodedImage given)
            {
                owner._resampler.Fill(given, destination);
                return;
            }

            using var image = ImageDecoder.Decode((ReadOnlyMemory<byte>)item.Content, owner._maxPixels);
            owner._resampler.Fill(image, destination);
        }

        public override OrtValue[] ToTensors()
        {
            long[] shape = [.. owner.Tensors[0].Shape];
            shape[0] = rows;
            return [OrtValue.CreateTensorValueFromMemory(OrtMemoryInfo.DefaultInstance, _values.AsMemory(0, rows * owner._resampler.Length), shape)];
        }

        public override void Dispose()
        {
            if (_returned) return;
            _returned = true;
            ArrayPool<float>.Shared.Return(_values);
        }
    }
}
