using FuseMix.Encoders.Images;
using FuseMix.Encoders.Packs;
using FuseMix.Testing;

namespace FuseMix.Encoders.Tests.Images;

public class ImageResamplerTests
{
    private static ImageInputDefinition Definition(int width, int height) =>
        new() { Tensor = "image", Width = width, Height = height, Layout = ImageLayout.Nhwc };

    private static float[] Fill(ImageInputDefinition definition, byte[] pixels, int width, int height, int channels)
    {
        var resampler = new ImageResampler(definition);
        var values = new float[resampler.Length];
        resampler.Fill(new DecodedImage(pixels, width, height, channels), values);
        return values;
    }

    [Fact]
    public void Resizing_equals_the_golden_values_with_and_without_alpha()
    {
        var cases = Golden.Load("image.json").GetProperty("cases").EnumerateArray().ToArray();
        Assert.Equal(4, cases.Length);
        foreach (var golden in cases)
        {
            var size = golden.GetProperty("size").GetInt32();
            var channels = golden.GetProperty("alpha").GetBoolean() ? 4 : 3;
            var values = Fill(Definition(size, size), TestImages.Formula(64, 64, channels), 64, 64, channels);
            var expected = golden.GetProperty("resizedFirst12").EnumerateArray().Select(v => v.GetSingle()).ToArray();
            for (var i = 0; i < 12; i++) Assert.Equal(expected[i], values[i], 1e-6f);
            Assert.Equal(golden.GetProperty("resizedMean").GetDouble(), values.Average(v => (double)v), 1e-6);
        }
    }

    [Fact]
    public void The_golden_picture_decoded_from_a_file_gives_the_golden_values()
    {
        var golden = Golden.Load("image.json").GetProperty("cases")[1];
        using var image = ImageDecoder.Decode(TestImages.Png(TestImages.Formula(64, 64, 4), 64, 64, 4));
        var resampler = new ImageResampler(Definition(224, 224));
        var values = new float[resampler.Length];
        resampler.Fill(image, values);
        Assert.Equal(golden.GetProperty("resizedMean").GetDouble(), values.Average(v => (double)v), 1e-6);
    }

    public static TheoryData<int> Seeds => [.. Enumerable.Range(0, 60)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Any_resize_equals_the_scalar_oracle(int seed)
    {
        var random = new System.Random(seed);
        int width = random.Next(1, 90), height = random.Next(1, 90), channels = random.Next(3, 5);
        var pixels = new byte[width * height * channels];
        random.NextBytes(pixels);
        var definition = Definition(random.Next(1, 70), random.Next(1, 70)) with
        {
            Layout = (ImageLayout)random.Next(2),
            Resize = (ResizeFilter)random.Next(2),
            Fit = (ImageFit)random.Next(2),
            Antialias = random.Next(2) == 0,
            Scale = random.Next(2) == 0 ? 1 : 1 / 255.0,
            Mean = [0.1, 0.2, 0.3],
            Std = [0.5, 1, 2],
        };
        if (definition.Fit == ImageFit.Crop && random.Next(2) == 0)
            definition = definition with { ShorterSide = Math.Max(definition.Width, definition.Height) + random.Next(20) };

        var actual = Fill(definition, pixels, width, height, channels);
        var expected = Oracle(definition, pixels, width, height, channels);
        for (var i = 0; i < expected.Length; i++)
            Assert.True(
                Math.Abs(expected[i] - actual[i]) < 3e-6 * Math.Max(1, 255 * definition.Scale * 2),
                $"{definition} value {i}: {actual[i]}, not {expected[i]}");
    }

    [Fact]
    public void An_image_of_the_right_size_passes_unchanged()
    {
        var pixels = TestImages.Formula(33, 21, 3);
        var values = Fill(Definition(33, 21) with { Scale = 1, Antialias = true }, pixels, 33, 21, 3);
        Assert.Equal(pixels.Select(p => (float)p), values);
    }

    [Fact]
    public void Antialiasing_averages_what_a_plain_resize_skips()
    {
        // Stripes of one pixel: every second column is white.
        var pixels = Enumerable.Range(0, 64 * 64 * 3).Select(i => (byte)(i / 3 % 2 * 255)).ToArray();
        var smooth = Fill(Definition(8, 8) with { Antialias = true }, pixels, 64, 64, 3);
        Assert.All(smooth, value => Assert.InRange(value, 0.4f, 0.6f));
    }

    [Fact]
    public void Crop_cuts_the_centre()
    {
        // Left third red, middle green, right blue.
        var pixels = new byte[30 * 10 * 3];
        for (var i = 0; i < 300; i++) pixels[i * 3 + i % 30 / 10] = 255;
        var values = Fill(Definition(10, 10) with { Fit = ImageFit.Crop }, pixels, 30, 10, 3);
        for (var i = 0; i < values.Length; i++) Assert.Equal(i % 3 == 1 ? 1 : 0, values[i], 1e-6f);
    }

    [Fact]
    public void Nothing_is_allocated_per_image_once_it_is_warm()
    {
        using var image = new DecodedImage(TestImages.Formula(100, 80, 3), 100, 80);
        var resampler = new ImageResampler(Definition(64, 64) with { Antialias = true });
        var values = new float[resampler.Length];
        for (var i = 0; i < 3; i++) resampler.Fill(image, values);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 20; i++) resampler.Fill(image, values);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 20 * 64);
    }

    [Fact]
    public void Many_threads_share_one_resampler()
    {
        var resampler = new ImageResampler(Definition(40, 40));
        var expected = Enumerable.Range(0, 4).Select(
            i => Fill(Definition(40, 40), TestImages.Formula(20 + i, 50 - i, 4), 20 + i, 50 - i, 4)).ToArray();
        Parallel.For(0, 200, i =>
        {
            var values = new float[resampler.Length];
            resampler.Fill(new DecodedImage(TestImages.Formula(20 + i % 4, 50 - i % 4, 4), 20 + i % 4, 50 - i % 4, 4), values);
            Assert.Equal(expected[i % 4], values);
        });
    }

    /// <summary>The definition of the resize, in double precision, one output value at a time.</summary>
    private static double[] Oracle(ImageInputDefinition definition, byte[] pixels, int width, int height, int channels)
    {
        double scaledWidth = definition.Width, scaledHeight = definition.Height;
        if (definition.Fit == ImageFit.Crop)
        {
            var shorter = definition.ShorterSide ?? Math.Max(definition.Width, definition.Height);
            scaledWidth = width <= height ? shorter : Math.Floor((double)shorter * width / height);
            scaledHeight = width <= height ? Math.Floor((double)shorter * height / width) : shorter;
        }

        var left = Math.Floor((scaledWidth - definition.Width) / 2);
        var top = Math.Floor((scaledHeight - definition.Height) / 2);
        var result = new double[definition.Width * definition.Height * 3];
        for (var y = 0; y < definition.Height; y++)
        {
            var rows = Taps(y + top, height, height / scaledHeight);
            for (var x = 0; x < definition.Width; x++)
            {
                var columns = Taps(x + left, width, width / scaledWidth);
                for (var c = 0; c < 3; c++)
                {
                    double sum = 0;
                    foreach (var (row, rowWeight) in rows)
                    {
                        foreach (var (column, columnWeight) in columns) sum += rowWeight * columnWeight * Value(column, row, c);
                    }

                    var at = definition.Layout == ImageLayout.Nhwc
                        ? (y * definition.Width + x) * 3 + c
                        : (c * definition.Height + y) * definition.Width + x;
                    result[at] = (sum * definition.Scale - definition.Mean[c]) / definition.Std[c];
                }
            }
        }

        return result;

        double Value(int x, int y, int c)
        {
            var at = (y * width + x) * channels;
            var alpha = channels == 4 ? pixels[at + 3] / 255.0 : 1;
            return pixels[at + c] * alpha + 255 * (1 - alpha);
        }

        List<(int Index, double Weight)> Taps(double position, int size, double step)
        {
            var stretch = definition.Antialias ? Math.Max(1, step) : 1;
            var centre = (position + 0.5) * step - 0.5;
            var taps = new List<(int Index, double Weight)>();
            for (var i = 0; i < size; i++)
            {
                var distance = Math.Abs(i - centre) / stretch;
                var weight = definition.Resize == ResizeFilter.Bilinear ? Math.Max(0, 1 - distance)
                    : distance < 1 ? 1.5 * Math.Pow(distance, 3) - 2.5 * distance * distance + 1
                    : distance < 2 ? -0.5 * Math.Pow(distance, 3) + 2.5 * distance * distance - 4 * distance + 2
                    : 0;
                if (weight != 0) taps.Add((i, weight));
            }

            var total = taps.Sum(tap => tap.Weight);
            return [.. taps.Select(tap => (tap.Index, tap.Weight / total))];
        }
    }
}
