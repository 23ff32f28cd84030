using System.Buffers.Binary;
using FuseMix.Encoders.Images;
using FuseMix.Testing;
using NetVips;

namespace FuseMix.Encoders.Tests.Images;

public class ImageDecoderTests
{
    private const int Width = 7;
    private const int Height = 5;
    private static readonly byte[] Rgb = TestImages.Formula(Width, Height, 3);
    private static readonly byte[] Rgba = TestImages.Formula(Width, Height, 4);

    private static FuseMixException Refused(byte[] file, long maxPixels = ImageDecoder.DefaultMaxPixels) =>
        Assert.Throws<FuseMixException>(() => ImageDecoder.Decode(file, maxPixels));

    private static void Decodes(byte[] file, int width, int height, int channels, byte[] pixels, int tolerance = 0)
    {
        using var image = ImageDecoder.Decode(file);
        Assert.Equal((width, height, channels), (image.Width, image.Height, image.Channels));
        Assert.Equal(pixels.Length, image.Pixels.Length);
        for (var i = 0; i < pixels.Length; i++)
            Assert.True(Math.Abs(pixels[i] - image.Pixels[i]) <= tolerance, $"value {i} is {image.Pixels[i]}, not {pixels[i]}");
    }

    private static byte[] Grey(params byte[] values) => [.. values.SelectMany(v => new[] { v, v, v })];

    private static byte[] Filled(int count, params byte[] colour) => [.. Enumerable.Repeat(colour, count).SelectMany(c => c)];

    // The larger one is too large for the calling thread to decode.
    [Theory]
    [InlineData(3, Width, Height)]
    [InlineData(4, Width, Height)]
    [InlineData(3, 301, 203)]
    [InlineData(4, 301, 203)]
    public void Png_keeps_every_value_and_its_alpha(int channels, int width, int height)
    {
        var pixels = TestImages.Formula(width, height, channels);
        Decodes(TestImages.Png(pixels, width, height, channels), width, height, channels, pixels);
    }

    [Fact]
    public void One_bit_png_becomes_black_and_white() =>
        Decodes(
            TestImages.Png(8, 2, 0, 1, [0b10110001, 0b00000001]), 8, 2, 3, Grey(255, 0, 255, 255, 0, 0, 0, 255, 0, 0, 0, 0, 0, 0, 0, 255));

    [Fact]
    public void Four_bit_grey_png_spans_all_of_grey() =>
        Decodes(TestImages.Png(4, 1, 0, 4, [0x0F, 0x18]), 4, 1, 3, Grey(0, 255, 17, 136));

    [Fact]
    public void Palette_png_becomes_rgb() =>
        Decodes(
            TestImages.Png(4, 1, 3, 2, [0b00011011], ("PLTE", [1, 2, 3, 40, 50, 60, 255, 0, 0, 0, 255, 0])),
            4, 1, 3, [1, 2, 3, 40, 50, 60, 255, 0, 0, 0, 255, 0]);

    [Fact]
    public void Palette_png_with_transparency_becomes_rgba() =>
        Decodes(
            TestImages.Png(2, 1, 3, 8, [0, 1], ("PLTE", [1, 2, 3, 40, 50, 60]), ("tRNS", [128])),
            2, 1, 4, [1, 2, 3, 128, 40, 50, 60, 255]);

    [Fact]
    public void Sixteen_bit_png_keeps_the_upper_byte() =>
        Decodes(
            TestImages.Png(2, 1, 2, 16, [1, 2, 3, 4, 5, 6, 0xFF, 0xFF, 0, 0, 0x80, 0x7F]), 2, 1, 3, [1, 3, 5, 255, 0, 128], tolerance: 1);

    [Fact]
    public void Sixteen_bit_grey_png_is_not_darkened_or_clipped() =>
        Decodes(TestImages.Png(3, 1, 0, 16, [0, 0, 0x80, 0, 0xFF, 0xFF]), 3, 1, 3, Grey(0, 128, 255), tolerance: 1);

    [Fact]
    public void Sixteen_bit_rgba_png_keeps_its_alpha() =>
        Decodes(TestImages.Png(1, 1, 6, 16, [10, 0, 20, 0, 30, 0, 0x80, 0]), 1, 1, 4, [10, 20, 30, 128], tolerance: 1);

    [Fact]
    public void Grey_png_with_alpha_becomes_rgba() =>
        Decodes(TestImages.Png(2, 1, 4, 8, [10, 255, 200, 64]), 2, 1, 4, [10, 10, 10, 255, 200, 200, 200, 64]);

    [Fact]
    public void Jpeg_is_close_to_what_was_saved() =>
        Decodes(TestImages.Saved(".jpg[Q=95]", Filled(64, 200, 60, 20), 8, 8), 8, 8, 3, Filled(64, 200, 60, 20), tolerance: 4);

    [Fact]
    public void Grey_jpeg_becomes_rgb() =>
        Decodes(TestImages.Saved(".jpg", Filled(64, 77), 8, 8, channels: 1), 8, 8, 3, Filled(64, 77, 77, 77), tolerance: 2);

    [Fact]
    public void Progressive_jpeg_is_decoded() =>
        Decodes(TestImages.Saved(".jpg[Q=95,interlace]", Filled(64, 20, 200, 90), 8, 8), 8, 8, 3, Filled(64, 20, 200, 90), tolerance: 4);

    [Fact]
    public void Cmyk_jpeg_becomes_rgb()
    {
        using var white = ImageDecoder.Decode(
            TestImages.Saved(".jpg", new byte[8 * 8 * 4], 8, 8, channels: 4, interpretation: Enums.Interpretation.Cmyk));
        using var cyan = ImageDecoder.Decode(
            TestImages.Saved(".jpg", Filled(64, 255, 0, 0, 0), 8, 8, channels: 4, interpretation: Enums.Interpretation.Cmyk));
        Assert.Equal((3, 3), (white.Channels, cyan.Channels));
        Assert.All(white.Pixels.ToArray(), value => Assert.InRange(value, 245, 255));
        Assert.True(
            cyan.Pixels[0] < 100 && cyan.Pixels[1] > 120 && cyan.Pixels[2] > 160, $"{cyan.Pixels[0]} {cyan.Pixels[1]} {cyan.Pixels[2]}");
    }

    [Theory]
    [InlineData(1, "ab/cd/ef")]
    [InlineData(2, "ba/dc/fe")]
    [InlineData(3, "fe/dc/ba")]
    [InlineData(4, "ef/cd/ab")]
    [InlineData(5, "ace/bdf")]
    [InlineData(6, "eca/fdb")]
    [InlineData(7, "fdb/eca")]
    [InlineData(8, "bdf/ace")]
    public void Every_exif_orientation_comes_out_upright(int orientation, string expected)
    {
        // Blocks of 16 pixels, so that JPEG's own 8-pixel blocks do not mix the letters.
        const int block = 16;
        var pixels = new byte[2 * block * 3 * block * 3];
        for (var i = 0; i < pixels.Length; i += 3)
        {
            int x = i / 3 % (2 * block) / block, y = i / 3 / (2 * block) / block;
            pixels[i] = pixels[i + 1] = pixels[i + 2] = (byte)(40 * (y * 2 + x));
        }

        using var image = ImageDecoder.Decode(TestImages.Saved(".jpg[Q=100]", pixels, 2 * block, 3 * block, orientation: orientation));
        var rows = expected.Split('/');
        Assert.Equal((rows[0].Length * block, rows.Length * block), (image.Width, image.Height));
        for (var y = 0; y < rows.Length; y++)
        {
            for (var x = 0; x < rows[y].Length; x++)
            {
                var value = image.Pixels[((y * block + block / 2) * image.Width + x * block + block / 2) * 3];
                Assert.Equal(rows[y][x], (char)('a' + (value + 20) / 40));
            }
        }
    }

    [Fact]
    public void WebP_with_alpha_is_decoded() =>
        Decodes(
            TestImages.Saved(".webp[lossless]", Filled(64, 10, 200, 30, 128), 8, 8, channels: 4), 8, 8, 4, Filled(64, 10, 200, 30, 128));

    [Fact]
    public void Only_the_first_frame_of_an_animation_is_decoded()
    {
        var frames = Filled(64, 250, 0, 0).Concat(Filled(64, 0, 0, 250)).ToArray();
        foreach (var ending in new[] { ".gif", ".webp" })
        {
            using var image = ImageDecoder.Decode(TestImages.Saved(ending, frames, 8, 16, pageHeight: 8));
            Assert.Equal((8, 8), (image.Width, image.Height));
            Assert.True(image.Pixels[0] > 230 && image.Pixels[2] < 20, $"{ending}: {image.Pixels[0]} {image.Pixels[1]} {image.Pixels[2]}");
        }
    }

    [Fact]
    public void An_image_bomb_is_refused_before_it_is_decoded()
    {
        var refused = Refused(TestImages.Bomb(60_000, 60_000));
        Assert.Equal(FailureKind.Invalid, refused.Kind);
        Assert.Contains("60000 x 60000", refused.Message);
    }

    [Fact]
    public void An_image_that_memory_cannot_hold_is_refused_without_harm()
    {
        Assert.SkipWhen(File.ReadAllText("/proc/sys/vm/overcommit_memory").Trim() == "1", "This system promises any amount of memory.");
        var refused = Refused(TestImages.Bomb(1_000_000, 1_000_000), long.MaxValue);
        Assert.Equal(FailureKind.Unavailable, refused.Kind);
        Assert.Contains("1000000 x 1000000", refused.Message);
    }

    [Fact]
    public void The_limit_of_pixels_is_exact()
    {
        var file = TestImages.Png(Rgb, Width, Height);
        ImageDecoder.Decode(file, Width * Height).Dispose();
        Assert.Contains("limit", Refused(file, Width * Height - 1).Message);
    }

    [Theory]
    [InlineData(64)]
    [InlineData(256)]
    public void Truncated_files_are_refused(int size)
    {
        var noise = new byte[size * size * 3];
        new System.Random(1).NextBytes(noise);
        foreach (var file in new[]
        {
            TestImages.Png(noise, size, size),
            TestImages.Saved(".jpg", noise, size, size),
            TestImages.Saved(".webp", noise, size, size),
            TestImages.Saved(".gif", noise, size, size),
        })
        {
            var refused = Refused(file[..(file.Length / 2)]);
            Assert.Equal(FailureKind.Invalid, refused.Kind);
            Assert.Contains("damaged or truncated", refused.Message);
        }
    }

    [Theory]
    [InlineData("", "empty")]
    [InlineData("hello, this is no image", "68656C6C6F2C2074")]
    [InlineData("<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG")]
    [InlineData("<!DOCTYPE html><html>", "web page")]
    [InlineData("II*\0abcdefgh", "TIFF")]
    [InlineData("%PDF-1.7", "PDF")]
    [InlineData("BM______", "BMP")]
    public void Other_formats_are_refused_by_name(string content, string named)
    {
        var refused = Refused(System.Text.Encoding.Latin1.GetBytes(content));
        Assert.Contains(named, refused.Message);
        Assert.Contains("PNG, JPEG, WebP and GIF", refused.Remedy);
    }

    [Fact]
    public void A_file_with_the_first_bytes_of_another_format_is_refused()
    {
        var jpeg = TestImages.Saved(".jpg", Filled(64, 1, 2, 3), 8, 8);
        byte[] lying = [0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A, .. jpeg];
        Assert.Contains("PNG", Refused(lying).Message);
    }

    [Fact]
    public void A_png_with_a_zero_side_is_refused() => Assert.Equal(FailureKind.Invalid, Refused(TestImages.Bomb(0, 5)).Kind);

    [Fact]
    public void A_disposed_image_says_so()
    {
        var image = ImageDecoder.Decode(TestImages.Png(Rgb, Width, Height));
        image.Dispose();
        Assert.Throws<ObjectDisposedException>(() => image.Pixels.Length);
    }

    [Fact]
    public void Pixels_of_another_size_are_refused() =>
        Assert.Throws<FuseMixException>(() => new DecodedImage(new byte[11], 2, 2));

    [Fact]
    public void Many_threads_decode_the_same_pictures()
    {
        byte[][] files = [TestImages.Png(Rgb, Width, Height), TestImages.Png(Rgba, Width, Height, 4), TestImages.Bomb(50_000, 50_000)];
        Parallel.For(0, 300, i =>
        {
            if (i % 3 == 2)
            {
                Assert.Contains("50000", Refused(files[2]).Message);
                return;
            }

            using var image = ImageDecoder.Decode(files[i % 3]);
            Assert.True(image.Pixels.SequenceEqual(i % 3 == 0 ? Rgb : Rgba));
        });
    }

    [Fact]
    public void Damaged_files_are_refused_and_nothing_worse()
    {
        var noise = new byte[24 * 20 * 3];
        new System.Random(2).NextBytes(noise);
        byte[][] originals =
        [
            TestImages.Png(noise, 24, 20),
            TestImages.Png(
                24,
                20,
                3,
                8,
                [.. Enumerable.Range(0, 480).Select(i => (byte)(i % 5))],
                ("PLTE", [.. Enumerable.Range(0, 15).Select(i => (byte)i)]),
                ("tRNS", [1, 2, 3])),
            TestImages.Saved(".jpg", noise, 24, 20, orientation: 6),
            TestImages.Saved(".jpg[interlace]", noise, 24, 20),
            TestImages.Saved(".webp", noise, 24, 20),
            TestImages.Saved(".webp[lossless]", noise, 24, 20),
            TestImages.Saved(".gif", noise, 24, 20),
        ];
        var refused = 0;
        Parallel.ForEach(originals.SelectMany((file, seed) => Mutations.Of(file, seed, 1_000)), variant =>
        {
            try
            {
                using var image = ImageDecoder.Decode(variant, maxPixels: 1 << 20);
                Assert.Equal((long)image.Width * image.Height * image.Channels, image.Pixels.Length);
            }
            catch (FuseMixException e)
            {
                Assert.Equal(FailureKind.Invalid, e.Kind);
                Interlocked.Increment(ref refused);
            }
        });
        Assert.InRange(refused, 1_000, 7_000);
    }

    [Fact]
    public void Bytes_after_a_good_header_may_be_anything()
    {
        var random = new System.Random(3);
        var header = TestImages.Png(Rgb, Width, Height)[..33];
        for (var i = 0; i < 1_000; i++)
        {
            var tail = new byte[random.Next(200)];
            random.NextBytes(tail);
            if (tail.Length > 8) BinaryPrimitives.WriteInt32BigEndian(tail, tail.Length - 8);
            Refused([.. header, .. tail]);
        }
    }
}
