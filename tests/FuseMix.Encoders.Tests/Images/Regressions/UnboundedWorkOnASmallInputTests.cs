using System.Diagnostics;
using FuseMix.Encoders.Images;
using FuseMix.Encoders.Packs;

namespace FuseMix.Encoders.Tests.Images.Regressions;

/// <summary>Pixels decide how much work a picture is, not how they lie.</summary>
public sealed class UnboundedWorkOnASmallInputTests
{
    public static TheoryData<int, int, ImageFit, ResizeFilter> Strips =>
    [
        .. from size in ((int, int)[])[(1, 10_000_000), (10_000_000, 1), (3, 3_000_000)]
           from fit in Enum.GetValues<ImageFit>()
           from filter in Enum.GetValues<ResizeFilter>()
           select (size.Item1, size.Item2, fit, filter),
    ];

    [Theory]
    [MemberData(nameof(Strips))]
    public void A_picture_that_is_a_line_takes_no_longer_than_its_pixels(int width, int height, ImageFit fit, ResizeFilter filter)
    {
        var pixels = new byte[width * height * 3];
        for (var i = 0; i < pixels.Length; i++) pixels[i] = (byte)(i / 3 * 255L / (width * height));
        using var image = new DecodedImage(pixels, width, height);
        var resampler = new ImageResampler(new ImageInputDefinition
        {
            Tensor = "image",
            Width = 224,
            Height = 224,
            Layout = ImageLayout.Nhwc,
            Fit = fit,
            Resize = filter,
        });
        var values = new float[resampler.Length];
        var watch = Stopwatch.StartNew();
        resampler.Fill(image, values);
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(20), $"It took {watch.Elapsed}.");

        // From black to white along the line.
        if (fit == ImageFit.Crop) return;
        var last = width > height ? 223 * 3 : 223 * 224 * 3;
        Assert.True(values[0] < values[last / 2 / 3 * 3] && values[last / 2 / 3 * 3] < values[last]);
    }

    [Fact]
    public void Columns_first_and_rows_first_come_to_the_same()
    {
        // Just one side and the other of where the order changes.
        var definition =
            new ImageInputDefinition { Tensor = "image", Width = 8, Height = 8, Layout = ImageLayout.Nchw, Fit = ImageFit.Stretch };
        foreach (var channels in (int[])[3, 4])
        {
            int width = 3, height = 8 * ImageResampler.StripRatio;
            var strip = TestImages.Formula(width, height, channels);
            var values = Fill(definition, strip, width, height, channels);
            Assert.Equal(
                Fill(definition, strip, width, height, channels, stripRatio: int.MaxValue), values, (a, b) => Math.Abs(a - b) < 1e-4f);
        }
    }

    [Fact]
    public void A_photograph_of_108_megapixels_is_decoded_smaller()
    {
        var file = Photo(12_000, 9_000);
        using var image = ImageDecoder.Decode(file);
        Assert.Equal((6_000, 4_500), (image.Width, image.Height));
        Assert.InRange(image.Pixels[0], 90, 110);
    }

    [Fact]
    public void A_photograph_within_the_limit_is_decoded_as_it_is()
    {
        using var image = ImageDecoder.Decode(Photo(640, 480), maxPixels: 640 * 480);
        Assert.Equal((640, 480), (image.Width, image.Height));
        using var smaller = ImageDecoder.Decode(Photo(640, 480), maxPixels: (640 * 480) - 1);
        Assert.Equal((320, 240), (smaller.Width, smaller.Height));
    }

    [Theory]
    [InlineData(".jpg[interlace=true]", 640, 480)]
    [InlineData(".jpg", 1640, 480)]
    [InlineData(".png", 640, 480)]
    public void What_cannot_be_shrunk_while_it_is_read_is_refused_with_what_helps(string ending, int width, int height)
    {
        var file = TestImages.Saved(ending, new byte[width * height * 3], width, height);
        var refused = Assert.Throws<FuseMixException>(() => ImageDecoder.Decode(file, maxPixels: 100_000));
        Assert.Contains($"{width} x {height}", refused.Message);
        Assert.DoesNotContain("raise", refused.Advice, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("Shrink", refused.Remedy);
    }

    private static float[] Fill(
        ImageInputDefinition definition, byte[] pixels, int width, int height, int channels, int stripRatio = ImageResampler.StripRatio)
    {
        using var image = new DecodedImage(pixels, width, height, channels);
        var resampler = new ImageResampler(definition, stripRatio);
        var values = new float[resampler.Length];
        resampler.Fill(image, values);
        return values;
    }

    private static byte[] Photo(int width, int height)
    {
        Vips.Require();
        using var black = NetVips.Image.Black(width, height, bands: 3);
        using var grey = black.Linear([1], [100], uchar: true);
        using var copy = grey.Copy(interpretation: NetVips.Enums.Interpretation.Srgb);
        return copy.WriteToBuffer(".jpg");
    }
}
