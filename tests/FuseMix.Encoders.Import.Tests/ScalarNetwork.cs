namespace FuseMix.Encoders.Import.Tests;

/// <summary>A picture [height, width, channels] and TensorFlow's operations on it, one value at a time and as its documentation words
/// them.</summary>
internal sealed record Scalar(int Height, int Width, int Channels, float[] Values)
{
    public float this[int y, int x, int c] => Values[(((y * Width) + x) * Channels) + c];

    public static Scalar Random(int height, int width, int channels, int seed)
    {
        var random = new System.Random(seed);
        return new(height, width, channels, [.. Enumerable.Range(0, height * width * channels).Select(_ => (random.NextSingle() * 2) - 1)]);
    }

    public Scalar Map(Func<float, int, float> f) => this with { Values = [.. Values.Select((v, i) => f(v, i % Channels))] };

    /// <summary>A kernel [height, width, in, out] at every place that SAME or VALID padding allows.</summary>
    public Scalar Convolution(float[] kernel, int kh, int kw, int outputs, int stride, int dilation, bool same) =>
        Slide(kh, kw, outputs, stride, dilation, same, (taps, o) =>
        {
            var sum = 0.0;
            foreach (var (ky, kx, y, x) in taps)
            {
                for (var c = 0; c < Channels; c++)
                    sum += (double)this[y, x, c] * kernel[(((((ky * kw) + kx) * Channels) + c) * outputs) + o];
            }

            return (float)sum;
        });

    /// <summary>A kernel [height, width, channels, multiplier]; output channel c × multiplier + m.</summary>
    public Scalar Depthwise(float[] kernel, int kh, int kw, int multiplier, int stride, bool same) =>
        Slide(kh, kw, Channels * multiplier, stride, 1, same, (taps, o) =>
        {
            var sum = 0.0;
            foreach (var (ky, kx, y, x) in taps)
                sum += (double)this[y, x, o / multiplier] * kernel[(((ky * kw) + kx) * Channels * multiplier) + o];
            return (float)sum;
        });

    public Scalar MaxPool(int kh, int kw, int stride, bool same) =>
        Slide(kh, kw, Channels, stride, 1, same, (taps, o) => taps.Max(t => this[t.Y, t.X, o]));

    /// <summary>The mean of what lies inside the picture: padding is not counted.</summary>
    public Scalar AveragePool(int kh, int kw, int stride, bool same) =>
        Slide(kh, kw, Channels, stride, 1, same, (taps, o) => (float)taps.Average(t => (double)this[t.Y, t.X, o]));

    public Scalar Join(Scalar other)
    {
        var values = new List<float>();
        for (var i = 0; i < Height * Width; i++)
        {
            values.AddRange(Values.AsSpan(i * Channels, Channels));
            values.AddRange(other.Values.AsSpan(i * other.Channels, other.Channels));
        }

        return new(Height, Width, Channels + other.Channels, [.. values]);
    }

    public float[] Mean() =>
        [.. Enumerable.Range(0, Channels).Select(c => (float)Values.Where((_, i) => i % Channels == c).Average(v => (double)v))];

    private Scalar Slide(
        int kh, int kw, int outputs, int stride, int dilation, bool same, Func<List<(int Ky, int Kx, int Y, int X)>, int, float> at)
    {
        var (rows, top) = Axis(Height, kh);
        var (columns, left) = Axis(Width, kw);
        var values = new List<float>();
        for (var row = 0; row < rows; row++)
        {
            for (var column = 0; column < columns; column++)
            {
                var taps = new List<(int, int, int, int)>();
                for (var ky = 0; ky < kh; ky++)
                {
                    for (var kx = 0; kx < kw; kx++)
                    {
                        var (y, x) = ((row * stride) + (ky * dilation) - top, (column * stride) + (kx * dilation) - left);
                        if (y >= 0 && y < Height && x >= 0 && x < Width) taps.Add((ky, kx, y, x));
                    }
                }

                for (var o = 0; o < outputs; o++) values.Add(at(taps, o));
            }
        }

        return new(rows, columns, outputs, [.. values]);

        (int Count, int Before) Axis(int size, int kernel)
        {
            var reach = ((kernel - 1) * dilation) + 1;
            if (!same) return ((int)Math.Ceiling((size - reach + 1) / (double)stride), 0);
            var count = (int)Math.Ceiling(size / (double)stride);
            return (count, Math.Max(((count - 1) * stride) + reach - size, 0) / 2);
        }
    }
}
