namespace FuseMix.Encoders.Images;

/// <summary>A picture file format that is read.</summary>
internal enum ImageFormat
{
    Png,
    Jpeg,
    WebP,
    Gif,
}

/// <summary>Tells formats by their first bytes, so that no file reaches a decoder that was not meant for it.</summary>
internal static class ImageFormats
{
    /// <summary>The format, or a failure that names what the bytes look like instead.</summary>
    public static ImageFormat Sniff(ReadOnlySpan<byte> file)
    {
        if (file.StartsWith((ReadOnlySpan<byte>)[0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A])) return ImageFormat.Png;
        if (file.StartsWith((ReadOnlySpan<byte>)[0xFF, 0xD8, 0xFF])) return ImageFormat.Jpeg;
        if (file.Length >= 12 && file.StartsWith("RIFF"u8) && file[8..].StartsWith("WEBP"u8)) return ImageFormat.WebP;
        if (file.StartsWith("GIF87a"u8) || file.StartsWith("GIF89a"u8)) return ImageFormat.Gif;
        throw new FuseMixException(
            FailureKind.Invalid,
            file.IsEmpty ? "The image is empty: it has no bytes." : $"The image is in no format that is read here; it {Guess(file)}.",
            "PNG, JPEG, WebP and GIF (its first frame) are read.");
    }

    private static string Guess(ReadOnlySpan<byte> file)
    {
        if (file.StartsWith("II*\0"u8) || file.StartsWith("MM\0*"u8)) return "looks like TIFF";
        if (file.StartsWith("BM"u8)) return "looks like BMP";
        if (file.StartsWith((ReadOnlySpan<byte>)[0x1F, 0x8B])) return "looks like gzip";
        if (file.StartsWith("data:"u8)) return "looks like a data URI, not like the bytes that it stands for";
        if (file.StartsWith("iVBORw0K"u8) || file.StartsWith("/9j/"u8) || file.StartsWith("UklGR"u8) || file.StartsWith("R0lGOD"u8))
            return "looks like base64, not like the bytes that it stands for";
        if (file.Length > 8 && file.StartsWith((ReadOnlySpan<byte>)[0x89, (byte)'P', (byte)'N', (byte)'G']))
            return "looks like a PNG whose line ends were changed on its way";
        if (file.StartsWith("%PDF"u8)) return "looks like PDF";
        if (file.Length >= 12 && file[4..].StartsWith("ftyp"u8)) return "looks like HEIC, AVIF or a video";
        var text = file[..Math.Min(file.Length, 256)];
        if (text.IndexOf("<svg"u8) >= 0) return "looks like SVG";
        if (text.IndexOf("<html"u8) >= 0 || text.IndexOf("<!DOCTYPE"u8) >= 0) return "looks like a web page";
        return $"starts with the bytes {Convert.ToHexString(file[..Math.Min(file.Length, 8)])}";
    }
}
