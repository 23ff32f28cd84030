namespace FuseMix.Data.Datasets;

/// <summary>Which files are taken for pictures and sounds; whether they can be decoded is found out by the encoders.</summary>
internal static class MediaFiles
{
    private static readonly HashSet<string> Images =
        new(StringComparer.OrdinalIgnoreCase) { ".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff" };
    private static readonly HashSet<string> Sounds =
        new(StringComparer.OrdinalIgnoreCase) { ".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3" };

    public static Modality? ModalityOf(string path)
    {
        var extension = Path.GetExtension(path);
        return Images.Contains(extension) ? Modality.Image : Sounds.Contains(extension) ? Modality.Audio : null;
    }
}
