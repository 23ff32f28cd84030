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

    /// <summary>How many times as many pixels a JPEG may have that is made smaller while it is read: 256 megapixels with the default
    /// limit.</summary>
    public const int ShrinkablePixels = 4;

    /// <summary>Which libvips decodes, e.g. "8.18.7".</summary>
    /// <exception cref="FuseMixException">Unavailable: it does not load.</exception>
    public static string LibraryVersion => Vips.Version;

    /// <summary>Decodes one picture.</summary>
    /// <param name="file">The whole file.</param>
    /// <param name="maxPixels">
    /// The most pixels that are decoded; the header tells before decoding. A JPEG of up to <see cref="ShrinkablePixels"/> times as many is
    /// decoded to a half, a quarter or an eighth of its sides, which costs no memory for the rest.
    /// </param>
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
            using var whole = Load(format, source, shrink: 1);
            long width = whole.Width, height = whole.Height;
            if (width * height <= maxPixels) return Decode(format, whole);
            var shrink = Shrink(format, whole, maxPixels) ?? throw TooLarge(width, height, maxPixels, format);
            using var again = Source.NewFromMemory(file.Span);
            using var smaller = Load(format, again, shrink);
            return Decode(format, smaller);
        }
        catch (VipsException e)
        {
            throw Damaged(format, Vips.Words(e), e);
        }
    }

    private static Image Load(ImageFormat format, Source source, int shrink)
    {
        const Enums.Access access = Enums.Access.Sequential;
        const Enums.FailOn failOn = Enums.FailOn.Truncated;
        return format switch
        {
            ImageFormat.Png => Image.PngloadSource(source, access: access, failOn: failOn),
            ImageFormat.Jpeg => Image.JpegloadSource(source, shrink: shrink, access: access, failOn: failOn),
            ImageFormat.WebP => Image.WebploadSource(source, access: access, failOn: failOn),
            _ => Image.GifloadSource(source, access: access, failOn: failOn),
        };
    }

    /// <summary>By how much a picture that is too large can be made smaller while it is read; null where it cannot.</summary>
    private static int? Shrink(ImageFormat format, Image whole, long maxPixels)
    {
        // Of one in several passes, the decoder keeps every coefficient of the whole.
        long width = whole.Width, height = whole.Height;
        if (format != ImageFormat.Jpeg || width * height > maxPixels * ShrinkablePixels || whole.Contains("interlaced")) return null;
        return ((int[])[2, 4, 8]).First(by => (width + by - 1) / by * ((height + by - 1) / by) <= maxPixels);
    }

    private static FuseMixException TooLarge(long width, long height, long maxPixels, ImageFormat format) => new(
        FailureKind.Invalid,
        $"The image is {width} x {height} pixels, more than the limit of {maxPixels} pixels; it was not decoded.",
        format == ImageFormat.Jpeg
            ? $"Shrink the image. A JPEG of up to {maxPixels * ShrinkablePixels} pixels that is not progressive is made smaller while "
                + "it is read."
            : "Shrink the image, or save it as a JPEG.");

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
