using System.Text;
using FuseMix.Core.Files;
using FuseMix.Core.Texts;
using FuseMix.Storage;

namespace FuseMix.Data.Datasets;

/// <summary>Imports a folder of pictures and sounds, with captions in text files beside them.</summary>
/// <remarks>
/// <c>cat.png</c> takes its captions from <c>cat.txt</c>, one a line, and from <c>cat.TXT</c> too. Sub-folders are followed, each once
/// however many links lead there; if the first one of a path is called <c>train</c>, <c>validation</c> (<c>valid</c>, <c>val</c>,
/// <c>dev</c>) or <c>test</c> in any case, that is the split. Items are called by their relative paths. What systems put there
/// (<c>.DS_Store</c>, <c>Thumbs.db</c>, <c>.git</c>) is counted; everything else that is not used is recorded as a failure.
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
        var root = Path.GetFullPath(folder);
        var contents = FolderWalk.Of(folder, settings.Within, cancellation);
        var texts = contents.Files.Where(file => IsText(file.Name)).ToLookup(file => Stem(file.Name), StringComparer.Ordinal);
        var stems = contents.Files.Where(file => MediaFiles.ModalityOf(file.Name) is not null).Select(file => Stem(file.Name)).ToHashSet(
            StringComparer.Ordinal);

        // A name that came from another system may look the same and be spelled otherwise.
        var alike = texts.Where(text => !stems.Contains(text.Key)).SelectMany(text => text).ToLookup(
            file => NormalForm.Of(Stem(file.Name)), StringComparer.Ordinal);
        var seen = stems.Select(NormalForm.Of).ToHashSet(StringComparer.Ordinal);
        var builder = new DatasetBuilder(home, null, settings.Ratios, settings.Within, cancellation);
        builder.Omit([.. contents.Omissions, .. settings.Omissions]);
        var done = 0;
        foreach (var file in contents.Files)
        {
            cancellation.ThrowIfCancellationRequested();
            if (MediaFiles.ModalityOf(file.Name) is { } modality)
                AddMedia(builder, file, modality, texts[Stem(file.Name)].Concat(alike[NormalForm.Of(Stem(file.Name))]));
            else if (!IsText(file.Name))
                builder.Fail(file.Name, "it is neither a picture, a sound nor a text");
            else if (!seen.Contains(NormalForm.Of(Stem(file.Name))))
                builder.Fail(file.Name, "there is no picture or sound of that name beside it");
            progress?.Report(new ImportProgress(++done, contents.Files.Count, builder.FailureCount));
        }

        return builder.Build(settings.Name, settings.Licence, settings.About ?? $"Imported from the folder '{Path.GetFileName(root)}'.");
    }

    private static void AddMedia(DatasetBuilder builder, FolderFile file, Modality modality, IEnumerable<FolderFile> texts)
    {
        // Two files of one name (a.png and a.wav) share their captions and so their group.
        var group = Stem(file.Name);
        var split = SplitOf(file.Name);
        if (builder.AddFile(file.Name, file.Name, modality, file.Path, group, split) is not { } id) return;
        foreach (var captions in texts)
        {
            string text;
            try
            {
                text = Utf8Text.Read(captions.Path);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or DecoderFallbackException)
            {
                builder.Fail(captions.Name, e is DecoderFallbackException ? "it is not in UTF-8" : e.Message);
                continue;
            }

            var lines = text.Split('\n').Select(l => l.Trim()).Where(l => l.Length > 0).ToArray();
            if (lines.Length == 0) builder.Fail(captions.Name, "it has no caption");
            foreach (var line in lines)
                if (builder.AddCaption(captions.Name, line, group, split) is { } caption) builder.AddPair(id, caption);
        }
    }

    private static bool IsText(string file) => Path.GetExtension(file).Equals(".txt", StringComparison.OrdinalIgnoreCase);

    private static Split? SplitOf(string file) => file.IndexOf('/') is > 0 and var slash ? SplitWords.Read(file[..slash]) : null;

    /// <summary>What a picture, its sound and its captions have in common.</summary>
    private static string Stem(string file) => file[..^Path.GetExtension(file).Length];
}
