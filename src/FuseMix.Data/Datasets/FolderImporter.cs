using System.Text;
using FuseMix.Storage;

namespace FuseMix.Data.Datasets;

/// <summary>Imports a folder of pictures and sounds, with captions in text files beside them.</summary>
/// <remarks>
/// <c>cat.png</c> takes its captions from <c>cat.txt</c>, one a line. Sub-folders are followed; if the first one of a path is called
/// <c>train</c>, <c>validation</c> (or <c>val</c>) or <c>test</c>, that is the split. Items are called by their relative
/// paths. Files whose names start with a dot are left alone; every other file that is not used is recorded as a failure.
/// </remarks>
public static class FolderImporter
{
    /// <summary>Imports a folder; the files stay where they are.</summary>
    /// <param name="home">The home folder.</param>
    /// <param name="folder">The folder to import.</param>
    /// <param name="settings">The dataset's name, licence and splits.</param>
    /// <param name="progress">Told about every file.</param>
    /// <param name="cancellation">Stops the import.</param>
    /// <exception cref="FuseMixException">There is no such folder, or nothing in it could be imported.</exception>
    public static Dataset Import(
        FuseMixHome home,
        string folder,
        ImportSettings settings,
        IProgress<ImportProgress>? progress = null,
        CancellationToken cancellation = default)
    {
        settings.Checked();
        if (!Directory.Exists(folder)) throw new FuseMixException(FailureKind.NotFound, $"There is no folder '{folder}'.");
        var root = Path.GetFullPath(folder);
        var files = Directory.EnumerateFiles(root, "*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = 0 })
            .Select(f => Path.GetRelativePath(root, f).Replace(Path.DirectorySeparatorChar, '/'))
            .Where(f => !f.Split('/').Any(part => part.StartsWith('.')))
            .Order(StringComparer.Ordinal)
            .ToArray();
        var stems = files.Where(f => MediaFiles.ModalityOf(f) is not null).Select(WithoutExtension).ToHashSet(StringComparer.Ordinal);
        var builder = new DatasetBuilder(home, settings.Name, settings.Ratios, settings.Within);
        var done = 0;
        foreach (var file in files)
        {
            cancellation.ThrowIfCancellationRequested();
            if (MediaFiles.ModalityOf(file) is { } modality)
                AddMedia(builder, root, file, modality);
            else if (!Path.GetExtension(file).Equals(".txt", StringComparison.OrdinalIgnoreCase))
                builder.Fail(file, "it is neither a picture, a sound nor a text");
            else if (!stems.Contains(WithoutExtension(file)))
                builder.Fail(file, "there is no picture or sound of that name beside it");
            progress?.Report(new ImportProgress(++done, files.Length, builder.FailureCount));
        }

        return builder.Build(settings.Name, settings.Licence, settings.About ?? $"Imported from the folder '{Path.GetFileName(root)}'.");
    }

    private static void AddMedia(DatasetBuilder builder, string root, string file, Modality modality)
    {
        // Two files of one name (a.png and a.wav) share their captions and so their group.
        var group = WithoutExtension(file);
        var split = SplitOf(file);
        if (builder.AddFile(file, file, modality, Path.Combine(root, file), group, split) is not { } id) return;
        var sidecar = (string[])[$"{group}.txt", $"{group}.TXT"];
        if (sidecar.FirstOrDefault(s => File.Exists(Path.Combine(root, s))) is not { } captions) return;
        string text;
        try
        {
            text = Utf8Text.Read(Path.Combine(root, captions));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or DecoderFallbackException)
        {
            builder.Fail(captions, e is DecoderFallbackException ? "it is not in UTF-8" : e.Message);
            return;
        }

        var lines = text.Split('\n').Select(l => l.Trim()).Where(l => l.Length > 0).ToArray();
        if (lines.Length == 0) builder.Fail(captions, "it has no caption");
        foreach (var line in lines)
            if (builder.AddCaption(captions, line, group, split) is { } caption) builder.AddPair(id, caption);
    }

    private static Split? SplitOf(string file) => file.IndexOf('/') is > 0 and var slash ? file[..slash] switch
    {
        "train" => Split.Train,
        "validation" or "val" => Split.Validation,
        "test" => Split.Test,
        _ => null,
    }
    : null;

    private static string WithoutExtension(string file) => file[..^Path.GetExtension(file).Length];
}
