using NetVips;

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

    /// <summary>Which libvips decodes, e.g. "8.18.7".</summary>
    /// <exception cref="FuseMixException">Unavailable: it does not load.</exception>
    public static string LibraryVersion => Vips.Version;

    /// <summary>Decodes one picture.</summary>
    /// <param name="file">The whole file.</param>
    /// <param name="maxPixels">The most pixels that are decoded; the header tells before decoding.</param>
    /// <exception cref="FuseMixException">
    /// Invalid: empty, another format, damaged, truncated, or larger than <paramref name="maxPixels"/>. Unavailable: libvips does not load,
    /// or there is no memory for the pixels.
    /// </exception>
    public static DecodedImage Decode(ReadOnlyMemory<byte> file, long maxPixels = DefaultMaxPixels)
    {
        var format = ImageFormats.Sniff(file.Span);
        Vips.Require();
        try
        {
            using var source = Source.NewFromMemory(file.Span);
            using var lazy = Load(format, source);
            long width = lazy.Width, height = lazy.Height;
            if (width * height > maxPixels)
            {
                throw new FuseMixException(
                    FailureKind.Invalid,
                    $"The image is {width} x {height} pixels, more than the limit of {maxPixels} pixels; it was not decoded.",
                    "Shrink the image, or raise the limit of pixels.");
            }

            return Decode(format, lazy);
        }
        catch (VipsException e)
        {
            throw Damaged(format, Vips.Words(e), e);
        }
    }

    private static Image Load(ImageFormat format, Source source)
    {
        const Enums.Access access = Enums.Access.Sequential;
        const Enums.FailOn failOn = Enums.FailOn.Truncated;
        return format switch
        {
            ImageFormat.Png => Image.PngloadSource(source, access: access, failOn: failOn),
            ImageFormat.Jpeg => Image.JpegloadSource(source, access: access, failOn: failOn),
            ImageFormat.WebP => Image.WebploadSource(source, access: access, failOn: failOn),
            _ => Image.GifloadSource(source, access: access, failOn: failOn),
        };
    }

    private static DecodedImage Decode(ImageFormat format, Image lazy)
    {
        var stages = new Stack<Image>();
        try
        {
            var image = lazy;
            if (image.Contains("orientation") && image.Get("orientation") is > 1 and <= 8)
            {
                // Rows are read once, top down; turning them needs all.
                image = Next(image.CopyMemory());
                image = Next(image.Autorot());
            }

            if (image.Format != Enums.BandFormat.Uchar || image.Interpretation != Enums.Interpretation.Srgb)
                image = Next(image.Colourspace(Enums.Interpretation.Srgb));
            if (image.Format != Enums.BandFormat.Uchar) image = Next(image.Cast(Enums.BandFormat.Uchar));
            if (image.Bands is not (3 or 4)) throw Damaged(format, $"{image.Bands} channels");
            return new DecodedImage(PixelMemory.Of(image), image.Width, image.Height, image.Bands);
        }
        finally
        {
            while (stages.TryPop(out var stage)) stage.Dispose();
        }

        Image Next(Image stage)
        {
            stages.Push(stage);
            return stage;
        }
    }

    private static FuseMixException Damaged(ImageFormat format, string why, Exception? inner = null) => new(
        FailureKind.Invalid,
        $"The {format.ToString().ToUpperInvariant()} image is damaged or truncated: {why}.",
        "Check that the file was copied whole.",
        inner);
}
