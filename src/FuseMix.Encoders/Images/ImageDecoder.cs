using System.Buffers;

namespace FuseMix.Encoders.Images;

/// <summary>Decodes PNG, JPEG, WebP and GIF (first frame) of any colour type into upright 8-bit sRGB, through libvips.</summary>
/// <remarks>
/// The bytes may come from anybody: the format is told by our own sniffing and only that one loader runs, and the size in
/// the header is checked before a pixel is decoded. Palette, grey, 1-bit, 16-bit and CMYK pictures become RGB; EXIF orientation is applied.
/// Thread-safe; every call uses one thread.
/// </remarks>
public static class ImageDecoder
{
    /// <summary>The default limit on width × height: 64 megapixels, which is 256 MB as RGBA.</summary>
    public const long DefaultMaxPixels = 64L << 20;

    /// <summary>Decodes one picture.</summary>
    /// <param name="file">The whole file.</param>
    /// <param name="maxPixels">The most pixels that are decoded; the header tells before decoding.</param>
    /// <exception cref="FuseMixException">
    /// Invalid: empty, another format, damaged, truncated, or larger than <paramref name="maxPixels"/>. Unavailable: libvips is not installed.
    /// </exception>
    public static DecodedImage Decode(ReadOnlyMemory<byte> file, long maxPixels = DefaultMaxPixels)
    {
        var format = ImageFormats.Sniff(file.Span);
        Vips.Require();
        using var pin = file.Pin();
        using var lazy = Load(format, pin, file.Length);
        long width = lazy.Width, height = lazy.Height;
        if (width * height > maxPixels)
        {
            throw new FuseMixException(
                FailureKind.Invalid,
                $"The image is {width} x {height} pixels, more than the limit of {maxPixels} pixels; it was not decoded.",
                "Shrink the image, or raise the limit of pixels.");
        }

        try
        {
            return Decode(lazy);
        }
        catch (VipsException e)
        {
            throw Damaged(format, e);
        }
    }

    private static VipsImage Load(ImageFormat format, MemoryHandle pin, int length)
    {
        var loader = format switch
        {
            ImageFormat.Png => "pngload_buffer",
            ImageFormat.Jpeg => "jpegload_buffer",
            ImageFormat.WebP => "webpload_buffer",
            _ => "gifload_buffer",
        };
        try
        {
            using var operation = new VipsOperation(loader);
            operation.SetBuffer("buffer", pin, length);
            operation.Set("access", "sequential");
            operation.Set("fail-on", "truncated");
            return operation.Run();
        }
        catch (VipsException e)
        {
            throw Damaged(format, e);
        }
    }

    private static DecodedImage Decode(VipsImage lazy)
    {
        var stages = new Stack<VipsImage>();
        try
        {
            var image = lazy;
            if (image.Orientation != 1)
            {
                // Rows are read once, top down; turning them needs all.
                image = Next(image.CopyToMemory());
                image = Next(Apply("autorot", image));
            }

            if (!image.IsSrgb8) image = Next(Apply("colourspace", image, ("space", "srgb")));
            if (!image.IsByte) image = Next(Apply("cast", image, ("format", "uchar")));
            if (image.Bands is not (3 or 4)) throw new VipsException($"{image.Bands} channels");
            return new DecodedImage(image.Decode(), image.Width, image.Height, image.Bands);
        }
        finally
        {
            while (stages.TryPop(out var stage)) stage.Dispose();
        }

        VipsImage Next(VipsImage stage)
        {
            stages.Push(stage);
            return stage;
        }
    }

    private static VipsImage Apply(string name, VipsImage image, params ReadOnlySpan<(string Key, string Value)> arguments)
    {
        using var operation = new VipsOperation(name);
        operation.SetImage("in", image);
        foreach (var (key, value) in arguments) operation.Set(key, value);
        return operation.Run();
    }

    private static FuseMixException Damaged(ImageFormat format, VipsException e) => new(
        FailureKind.Invalid,
        $"The {format.ToString().ToUpperInvariant()} image is damaged or truncated: {e.Message}.",
        "Check that the file was copied whole.",
        e);
}
