using System.Buffers.Binary;
using System.IO.Compression;
using FuseMix.Encoders.Images;
using FuseMix.Testing;
using NetVips;

namespace FuseMix.Encoders.Tests.Images;

/// <summary>Image files of every colour type: PNG written here, byte by byte, the others by libvips' own savers.</summary>
internal static class TestImages
{
    /// <summary>The picture of <c>image.json</c>: R = 7x+3y, G = xy, B = 255-4x, alpha = 16x, modulo 256.</summary>
    public static byte[] Formula(int width, int height, int channels)
    {
        var pixels = new byte[width * height * channels];
        for (var y = 0; y < height; y++)
        {
            for (var x = 0; x < width; x++)
            {
                var at = (y * width + x) * channels;
                (pixels[at], pixels[at + 1], pixels[at + 2]) = ((byte)(7 * x + 3 * y), (byte)(x * y), (byte)(255 - 4 * x));
                if (channels == 4) pixels[at + 3] = (byte)(16 * x);
            }
        }

        return pixels;
    }

    /// <summary>A PNG file.</summary>
    /// <param name="width">Columns.</param>
    /// <param name="height">Rows.</param>
    /// <param name="colorType">0 grey, 2 RGB, 3 palette, 4 grey and alpha, 6 RGBA.</param>
    /// <param name="bitDepth">1, 2, 4, 8 or 16.</param>
    /// <param name="rows">The rows as they are in the file, without filter bytes.</param>
    /// <param name="chunks">Further chunks before the pixels.</param>
    public static byte[] Png(int width, int height, int colorType, int bitDepth, byte[] rows, params (string Type, byte[] Content)[] chunks)
    {
        using var file = new MemoryStream();
        file.Write([0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A]);
        var header = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, width);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), height);
        (header[8], header[9]) = ((byte)bitDepth, (byte)colorType);
        PngFile.WriteChunk(file, "IHDR", header);
        foreach (var (type, content) in chunks) PngFile.WriteChunk(file, type, content);
        using var packed = new MemoryStream();
        using (var zip = new ZLibStream(packed, CompressionLevel.Fastest, leaveOpen: true))
        {
            var stride = rows.Length / height;
            for (var y = 0; y < height; y++)
            {
                zip.WriteByte(0);
                zip.Write(rows, y * stride, stride);
            }
        }

        PngFile.WriteChunk(file, "IDAT", packed.ToArray());
        PngFile.WriteChunk(file, "IEND", []);
        return file.ToArray();
    }

    public static byte[] Png(byte[] pixels, int width, int height, int channels = 3) =>
        Png(width, height, channels == 4 ? 6 : 2, 8, pixels);

    /// <summary>A PNG that claims a size without holding its pixels.</summary>
    public static byte[] Bomb(int width, int height)
    {
        var file = Png(new byte[3], 1, 1);
        BinaryPrimitives.WriteInt32BigEndian(file.AsSpan(16), width);
        BinaryPrimitives.WriteInt32BigEndian(file.AsSpan(20), height);
        BinaryPrimitives.WriteUInt32BigEndian(file.AsSpan(29), PngFile.Crc(file.AsSpan(12, 17)));
        return file;
    }

    /// <summary>Any other format, by libvips' saver of such names, e.g. <c>.jpg[Q=95]</c>.</summary>
    public static byte[] Saved(
        string ending, byte[] pixels, int width, int height, int channels = 3, Enums.Interpretation? interpretation = null,
        int orientation = 1, int pageHeight = 0)
    {
        Vips.Require();
        using var memory = Image.NewFromMemoryCopy<byte>(pixels, width, height, channels, Enums.BandFormat.Uchar);
        using var copy = memory.Copy(
            interpretation: interpretation ?? (channels <= 2 ? Enums.Interpretation.Bw : Enums.Interpretation.Srgb));
        using var image = copy.Mutate(header =>
        {
            if (orientation != 1) header.Set(GValue.GIntType, "orientation", orientation);
            if (pageHeight > 0) header.Set(GValue.GIntType, "page-height", pageHeight);
        });
        return image.WriteToBuffer(ending);
    }
}
