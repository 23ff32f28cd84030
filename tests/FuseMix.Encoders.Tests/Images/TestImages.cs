using System.Buffers.Binary;
using System.IO.Compression;
using System.Runtime.InteropServices;
using FuseMix.Encoders.Images;
using FuseMix.Testing;

namespace FuseMix.Encoders.Tests.Images;

/// <summary>Image files of every colour type: PNG written here, byte by byte, the others by libvips' own savers.</summary>
internal static partial class TestImages
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

    public static byte[] Png(byte[] pixels, int width, int height, int channels = 3) => Png(width, height, channels == 4 ? 6 : 2, 8, pixels);

    /// <summary>A PNG that claims a size without holding its pixels.</summary>
    public static byte[] Bomb(int width, int height)
    {
        var file = Png(new byte[3], 1, 1);
        BinaryPrimitives.WriteInt32BigEndian(file.AsSpan(16), width);
        BinaryPrimitives.WriteInt32BigEndian(file.AsSpan(20), height);
        BinaryPrimitives.WriteUInt32BigEndian(file.AsSpan(29), PngFile.Crc(file.AsSpan(12, 17)));
        return file;
    }

    /// <summary>Any other format, through the libvips saver of that name.</summary>
    public static byte[] Saved(
        string saver, byte[] pixels, int width, int height, int channels = 3, string? interpretation = null, int orientation = 1, int pageHeight = 0,
        params (string Key, string Value)[] options)
    {
        Vips.Require();
        using var folder = new TemporaryFolder();
        var path = folder[$"image.{saver}"];
        using var memory = new VipsImage(NewFromMemoryCopy(pixels, (nuint)pixels.Length, width, height, channels, 0));
        using var copy = new VipsOperation("copy");
        copy.SetImage("in", memory);
        copy.Set("interpretation", interpretation ?? (channels <= 2 ? "b-w" : "srgb"));
        using var image = copy.Run();
        if (orientation != 1) SetInt(image, "orientation", orientation);
        if (pageHeight > 0) SetInt(image, "page-height", pageHeight);
        using var save = new VipsOperation(saver);
        save.SetImage("in", image);
        save.Set("filename", path);
        foreach (var (key, value) in options) save.Set(key, value);
        if (Vips.Build(save) != 0) throw Vips.LastError();
        return File.ReadAllBytes(path);
    }

    [LibraryImport("libvips.so.42", EntryPoint = "vips_image_new_from_memory_copy")]
    private static partial nint NewFromMemoryCopy(byte[] data, nuint size, int width, int height, int bands, int format);

    [LibraryImport("libvips.so.42", EntryPoint = "vips_image_set_int", StringMarshalling = StringMarshalling.Utf8)]
    private static partial void SetInt(VipsImage image, string name, int value);
}
