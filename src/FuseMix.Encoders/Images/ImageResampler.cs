using System.Collections.Concurrent;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using FuseMix.Encoders.Packs;

namespace FuseMix.Encoders.Images;

/// <summary>Turns a decoded picture into the model's input: alpha on white, resized, cut, scaled; in one pass over the rows.</summary>
/// <remarks>
/// Pixels are weighted as fp32 without rounding in between, at half-pixel centres: pixel i of an axis scaled by s lies at (i + ½)·s - ½ of
/// the source. A source row is filtered horizontally once, when the first output row needs it, into a ring of as many rows as the vertical
/// filter has taps; so memory does not grow with the picture. Scratch is pooled; thread-safe. Of a strip, much longer than it is wide, the
/// long side is filtered first and without a table of weights, since making it wide before making it short would be work that its pixels do
/// not account for.
/// </remarks>
internal sealed class ImageResampler
{
    /// <summary>How many times as long as the model's a side is, for the picture to be a strip where the other side is shorter than the
    /// model's.</summary>
    internal const int StripRatio = 64;

    private const int Lanes = 4;

    private readonly ImageInputDefinition _definition;
    private readonly int _stripRatio;
    private readonly float[] _factor = new float[3];
    private readonly float[] _offset = new float[3];
    private readonly float[] _factorRow;
    private readonly float[] _offsetRow;
    private readonly ConcurrentBag<Scratch> _scratch = [];

    public ImageResampler(ImageInputDefinition definition, int stripRatio = StripRatio)
    {
        (_definition, _stripRatio) = (definition, stripRatio);
        for (var c = 0; c < 3; c++)
        {
            _factor[c] = (float)(definition.Scale / definition.Std[c]);
            _offset[c] = (float)(-definition.Mean[c] / definition.Std[c]);
        }

        _factorRow = [.. Enumerable.Range(0, definition.Width * 3).Select(i => _factor[i % 3])];
        _offsetRow = [.. Enumerable.Range(0, definition.Width * 3).Select(i => _offset[i % 3])];
    }

    /// <summary>Values per picture: height × width × 3.</summary>
    public int Length => _definition.Width * _definition.Height * 3;

    /// <summary>Fills <paramref name="destination"/> [<see cref="Length"/>] in the definition's layout.</summary>
    public void Fill(DecodedImage image, Span<float> destination)
    {
        var isTall = image.Width < _definition.Width && image.Height / _definition.Height >= _stripRatio;
        if (isTall || (image.Height < _definition.Height && image.Width / _definition.Width >= _stripRatio))
        {
            FillFromStrip(image, isTall, destination);
            return;
        }

        if (!_scratch.TryTake(out var scratch)) scratch = new Scratch();
        try
        {
            var (horizontal, vertical) = Plan(image, scratch);
            var nchw = _definition.Layout == ImageLayout.Nchw;
            var width = _definition.Width;
            var rowLength = width * 3;
            // One lane group of slack: the last pixel of a row is stored as four values.
            var stride = rowLength + Lanes;
            scratch.Reserve(image.Width * Lanes, vertical.Taps * stride);
            var pixels = image.Pixels;
            var next = vertical.Starts[0];
            for (var y = 0; y < _definition.Height; y++)
            {
                int start = vertical.Starts[y], count = vertical.Counts[y];
                for (next = Math.Max(next, start); next < start + count; next++)
                {
                    var row = pixels.Slice((int)((long)next * image.Width * image.Channels), image.Width * image.Channels);
                    var from = horizontal.First;
                    Widen(row, image.Channels, from, horizontal.End, scratch.Source);
                    var slot = scratch.Ring.AsSpan(next % vertical.Taps * stride, stride);
                    if (nchw) FilterPlanar(scratch.Source, horizontal, slot, width);
                    else FilterInterleaved(scratch.Source, horizontal, slot);
                }

                scratch.Rows.Clear();
                for (var k = 0; k < count; k++) scratch.Rows.Add((start + k) % vertical.Taps * stride);
                var weights = vertical.Weights.AsSpan(y * vertical.Taps, count);
                var rows = CollectionsMarshal.AsSpan(scratch.Rows);
                if (nchw)
                {
                    for (var c = 0; c < 3; c++)
                    {
                        var plane = destination.Slice((c * _definition.Height + y) * width, width);
                        Blend(scratch.Ring, rows, c * width, weights, plane);
                        Scale(plane, _factor[c], _offset[c]);
                    }
                }
                else
                {
                    var line = destination.Slice(y * rowLength, rowLength);
                    Blend(scratch.Ring, rows, 0, weights, line);
                    Scale(line, _factorRow, _offsetRow);
                }
            }
        }
        finally
        {
            _scratch.Add(scratch);
        }
    }

    private (Axis Horizontal, Axis Vertical) Plan(DecodedImage image, Scratch scratch)
    {
        var (horizontal, vertical) = Samplings(image);
        scratch.Horizontal.Plan(horizontal);
        scratch.Vertical.Plan(vertical);
        return (scratch.Horizontal, scratch.Vertical);
    }

    private (Sampling Horizontal, Sampling Vertical) Samplings(DecodedImage image)
    {
        int width = _definition.Width, height = _definition.Height;
        long scaledWidth = width, scaledHeight = height;
        if (_definition.Fit == ImageFit.Crop)
        {
            // As torchvision: the longer side is truncated; a side never gets shorter than what is cut out.
            var shorter = _definition.ShorterSide ?? Math.Max(width, height);
            if (image.Width <= image.Height) (scaledWidth, scaledHeight) = (shorter, (long)shorter * image.Height / image.Width);
            else (scaledWidth, scaledHeight) = ((long)shorter * image.Width / image.Height, shorter);
        }

        return (
            new Sampling(image.Width, scaledWidth, (scaledWidth - width) / 2, width, _definition.Resize, _definition.Antialias),
            new Sampling(image.Height, scaledHeight, (scaledHeight - height) / 2, height, _definition.Resize, _definition.Antialias));
    }

    /// <summary>Each output position of the long side at once: all of its pixels become one line across the strip, which then becomes as
    /// wide as wanted.</summary>
    private void FillFromStrip(DecodedImage image, bool isTall, Span<float> destination)
    {
        var (horizontal, vertical) = Samplings(image);
        var (along, across) = isTall ? (vertical, horizontal) : (horizontal, vertical);
        var axis = new Axis();
        axis.Plan(across);
        var line = new float[across.Size * Lanes];
        var pixels = image.Pixels;
        var (step, stepAcross) =
            isTall ? ((long)image.Width * image.Channels, (long)image.Channels) : (image.Channels, (long)image.Width * image.Channels);
        for (var i = 0; i < along.Length; i++)
        {
            Array.Clear(line);
            var (start, end, total) = along.Window(i);
            for (var k = start; k < end; k++)
            {
                var weight = (float)(along.WeightOf(i, k) / total);
                for (var s = 0; s < across.Size; s++)
                {
                    var pixel = pixels.Slice((int)((k * step) + (s * stepAcross)), image.Channels);
                    var alpha = image.Channels == 4 ? pixel[3] * (1f / 255) : 1;
                    for (var c = 0; c < 3; c++) line[(s * Lanes) + c] += (255f + ((pixel[c] - 255f) * alpha)) * weight;
                }
            }

            for (var j = 0; j < axis.Length; j++)
            {
                var value = Filter(line, axis, j);
                var (x, y) = isTall ? (j, i) : (i, j);
                for (var c = 0; c < 3; c++)
                {
                    var at = _definition.Layout == ImageLayout.Nchw
                        ? (((c * _definition.Height) + y) * _definition.Width) + x
                        : (((y * _definition.Width) + x) * 3) + c;
                    destination[at] = (value[c] * _factor[c]) + _offset[c];
                }
            }
        }
    }

    /// <summary>Bytes of the columns [from, end) as four floats each, composited on white where there is alpha; the fourth is not
    /// used.</summary>
    private static void Widen(ReadOnlySpan<byte> row, int channels, int from, int end, float[] source)
    {
        ref var input = ref MemoryMarshal.GetReference(row);
        ref var output = ref MemoryMarshal.GetArrayDataReference(source);
        if (channels == 4)
        {
            for (var x = from; x < end; x++)
            {
                var pixel = ToFloats(Unsafe.ReadUnaligned<uint>(ref Unsafe.Add(ref input, x * 4)));
                var alpha = Vector128.Shuffle(pixel, Vector128.Create(3, 3, 3, 3)) * (1f / 255);
                var white = Vector128.Create(255f);
                (white + (pixel - white) * alpha).StoreUnsafe(ref output, (nuint)(x * Lanes));
            }

            return;
        }

        // Four bytes are read where three are wanted, so the row's last pixel is read byte by byte.
        var safe = Math.Min(end, row.Length / 3 - 1);
        for (var x = from; x < safe; x++)
            ToFloats(Unsafe.ReadUnaligned<uint>(ref Unsafe.Add(ref input, x * 3))).StoreUnsafe(ref output, (nuint)(x * Lanes));
        for (var x = Math.Max(from, safe); x < end; x++)
        {
            for (var c = 0; c < 3; c++) source[x * Lanes + c] = row[x * 3 + c];
            source[x * Lanes + 3] = 0;
        }
    }

    private static Vector128<float> ToFloats(uint pixel) =>
        Vector128.ConvertToSingle(
            Vector128.WidenLower(Vector128.WidenLower(Vector128.CreateScalarUnsafe(pixel).AsByte()).AsUInt16()).AsInt32());

    private static void FilterInterleaved(float[] source, Axis axis, Span<float> slot)
    {
        ref var output = ref MemoryMarshal.GetReference(slot);
        for (var x = 0; x < axis.Length; x++) Filter(source, axis, x).StoreUnsafe(ref output, (nuint)(x * 3));
    }

    private static void FilterPlanar(float[] source, Axis axis, Span<float> slot, int width)
    {
        var red = slot[..width];
        var green = slot.Slice(width, width);
        var blue = slot.Slice(2 * width, width);
        for (var x = 0; x < axis.Length; x++)
        {
            var pixel = Filter(source, axis, x);
            red[x] = pixel[0];
            green[x] = pixel[1];
            blue[x] = pixel[2];
        }
    }

    private static Vector128<float> Filter(float[] source, Axis axis, int x)
    {
        ref var first = ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(source), axis.Starts[x] * Lanes);
        ref var weight = ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(axis.Weights), x * axis.Taps);
        var sum = Vector128<float>.Zero;
        for (var k = 0; k < axis.Counts[x]; k++)
            sum += Vector128.LoadUnsafe(ref first, (nuint)(k * Lanes)) * Unsafe.Add(ref weight, k);
        return sum;
    }

    private static void Blend(float[] ring, ReadOnlySpan<int> rows, int column, ReadOnlySpan<float> weights, Span<float> line)
    {
        var i = 0;
        for (; i <= line.Length - Vector<float>.Count; i += Vector<float>.Count)
        {
            var sum = Vector<float>.Zero;
            for (var k = 0; k < rows.Length; k++) sum += new Vector<float>(ring, rows[k] + column + i) * weights[k];
            sum.CopyTo(line[i..]);
        }

        for (; i < line.Length; i++)
        {
            var sum = 0f;
            for (var k = 0; k < rows.Length; k++) sum += ring[rows[k] + column + i] * weights[k];
            line[i] = sum;
        }
    }

    private static void Scale(Span<float> line, float factor, float offset)
    {
        var i = 0;
        for (; i <= line.Length - Vector<float>.Count; i += Vector<float>.Count)
            (new Vector<float>(line[i..]) * factor + new Vector<float>(offset)).CopyTo(line[i..]);
        for (; i < line.Length; i++) line[i] = line[i] * factor + offset;
    }

    private static void Scale(Span<float> line, ReadOnlySpan<float> factors, ReadOnlySpan<float> offsets)
    {
        var i = 0;
        for (; i <= line.Length - Vector<float>.Count; i += Vector<float>.Count)
            (new Vector<float>(line[i..]) * new Vector<float>(factors[i..]) + new Vector<float>(offsets[i..])).CopyTo(line[i..]);
        for (; i < line.Length; i++) line[i] = line[i] * factors[i] + offsets[i];
    }

    /// <summary>Which source positions make each output position of one axis, and with what weights.</summary>
    internal sealed class Axis
    {
        public int Length { get; private set; }

        /// <summary>The most source positions per output position; the stride of <see cref="Weights"/>.</summary>
        public int Taps { get; private set; }

        public int[] Starts { get; private set; } = [];

        public int[] Counts { get; private set; } = [];

        public float[] Weights { get; private set; } = [];

        /// <summary>The first source position that is used at all.</summary>
        public int First { get; private set; }

        /// <summary>One past the last source position that is used at all.</summary>
        public int End { get; private set; }

        /// <summary>Works all of a sampling out.</summary>
        public void Plan(Sampling sampling)
        {
            (Length, Taps) = (sampling.Length, sampling.Taps);
            if (Starts.Length < Length) (Starts, Counts) = (new int[Length], new int[Length]);
            if (Weights.Length < Length * Taps) Weights = new float[Length * Taps];
            (First, End) = (sampling.Size, 0);
            for (var i = 0; i < Length; i++)
            {
                var (start, end, total) = sampling.Window(i);
                for (var k = start; k < end; k++) Weights[i * Taps + k - start] = (float)(sampling.WeightOf(i, k) / total);
                (Starts[i], Counts[i]) = (start, end - start);
                (First, End) = (Math.Min(First, start), Math.Max(End, end));
            }
        }
    }

    /// <summary><paramref name="Length"/> outputs from <paramref name="Offset"/> on, of an axis of <paramref name="Size"/> scaled to
    /// <paramref name="Scaled"/>.</summary>
    /// <remarks>Taps outside the picture are left out and the rest is normalised, as Pillow does; for bilinear this equals repeating the
    /// edge.</remarks>
    internal readonly record struct Sampling(int Size, long Scaled, long Offset, int Length, ResizeFilter Filter, bool Antialias)
    {
        /// <summary>The most source positions per output position.</summary>
        public int Taps => (int)Math.Min(Size, 2 * Math.Ceiling(Support) + 1);

        private double Step => (double)Size / Scaled;

        private double Stretch => Antialias ? Math.Max(Step, 1) : 1;

        private double Support => (Filter == ResizeFilter.Bicubic ? 2 : 1) * Stretch;

        /// <summary>The source positions that make an output position, the last one exclusive, and the sum of their weights.</summary>
        public (int Start, int End, double Total) Window(int i)
        {
            var centre = Centre(i);
            var start = (int)Math.Max(0, Math.Floor(centre - Support + 0.5));
            var end = Math.Min((int)Math.Min(Size, Math.Floor(centre + Support + 0.5)), start + Taps);
            double total = 0;
            for (var k = start; k < end; k++) total += WeightOf(i, k);
            return (start, end, total);
        }

        /// <summary>The weight of a source position in an output position, before they are divided by their sum.</summary>
        public double WeightOf(int i, int k)
        {
            var x = Math.Abs((k - Centre(i) + 0.5) / Stretch);
            if (Filter == ResizeFilter.Bilinear) return Math.Max(0, 1 - x);
            const double a = -0.5;
            return x < 1 ? ((a + 2) * x - (a + 3)) * x * x + 1
                : x < 2 ? (((x - 5) * x + 8) * x - 4) * a
                : 0;
        }

        private double Centre(int i) => (i + Offset + 0.5) * Step;
    }

    private sealed class Scratch
    {
        public Axis Horizontal { get; } = new();

        public Axis Vertical { get; } = new();

        public float[] Source { get; private set; } = [];

        public float[] Ring { get; private set; } = [];

        public List<int> Rows { get; } = [];

        public void Reserve(int source, int ring)
        {
            if (Source.Length < source) Source = new float[source];
            if (Ring.Length < ring) Ring = new float[ring];
        }
    }
}
