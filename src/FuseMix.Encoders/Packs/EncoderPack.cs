using System.Text;
using FuseMix.Storage;

namespace FuseMix.Encoders.Packs;

/// <summary>A frozen encoder in a folder: <c>encoder.json</c>, an ONNX model, tokenizer files.</summary>
/// <remarks>Files whose name starts with '.' do not belong to a pack. The rest is the pack, byte by byte.</remarks>
public sealed class EncoderPack
{
    private EncoderPack(string folder, EncoderPackDefinition definition, Fingerprint fingerprint, long bytes) =>
        (Folder, Definition, Fingerprint, Bytes) = (folder, definition, fingerprint, bytes);

    /// <summary>The pack's folder, as a full path.</summary>
    public string Folder { get; }

    /// <summary>What <c>encoder.json</c> says.</summary>
    public EncoderPackDefinition Definition { get; }

    /// <summary>The encoder's name.</summary>
    public string Name => Definition.Name;

    /// <summary>Which encoder this is: another fingerprint is another encoder, whatever its name.</summary>
    /// <remarks>SHA-256 of the lines <c>sha256-of-file␠␠relative/path\n</c> in ordinal order of path: what <c>sha256sum</c>
    /// prints.</remarks>
    public Fingerprint Fingerprint { get; }

    /// <summary>Size of all files together, in bytes.</summary>
    public long Bytes { get; }

    /// <summary>The full path of the ONNX model.</summary>
    public string ModelPath => PathOf(Definition.Model);

    /// <summary>Reads a pack, checks its definition and that its files are there, and computes its fingerprint.</summary>
    /// <remarks>The model is not opened; the encoder verification does that.</remarks>
    /// <param name="folder">The pack's folder.</param>
    /// <param name="afresh">Read every file for the fingerprint, though it was read before in this process and seems unchanged.</param>
    /// <exception cref="FuseMixException">
    /// No such folder or no <c>encoder.json</c> (not found), a definition that breaks a rule, or a named file that is missing (invalid).
    /// </exception>
    public static EncoderPack Load(string folder, bool afresh = false)
    {
        folder = Path.GetFullPath(folder);
        var definitionPath = Path.Combine(folder, EncoderPackDefinition.FileName);
        if (!File.Exists(definitionPath))
        {
            throw new FuseMixException(
                FailureKind.NotFound,
                $"{folder} is not an encoder pack: it has no {EncoderPackDefinition.FileName}.",
                "docs/encoder-packs.md shows how to write one; docs/encoder-packs/ has templates.");
        }

        var definition = EncoderPackDefinition.Parse(File.ReadAllBytes(definitionPath), definitionPath);
        RequireFile(folder, definition.Model, "model");
        if (definition.Text is { } text) RequireFile(folder, text.TokenizerFile, "text.tokenizerFile");

        long bytes = 0;
        var lines = new StringBuilder();
        foreach (var file in FilesOf(folder))
        {
            var path = Path.Combine(folder, file);
            lines.Append(VerifiedFiles.ChecksumOf(path, afresh)).Append("  ").Append(file).Append('\n');
            bytes += new FileInfo(path).Length;
        }

        return new EncoderPack(folder, definition, Fingerprint.Of(lines.ToString()), bytes);
    }

    /// <summary>The full path of a file of the pack.</summary>
    internal string PathOf(string relative) => Path.Combine(Folder, relative);

    /// <summary>The files that make a pack, relative with '/', in ordinal order.</summary>
    internal static IReadOnlyList<string> FilesOf(string folder) =>
    [
        .. Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)
            .Select(path => Path.GetRelativePath(folder, path).Replace(Path.DirectorySeparatorChar, '/'))
            .Where(path => !path.Split('/').Any(part => part.StartsWith('.')))
            .Order(StringComparer.Ordinal),
    ];

    private static void RequireFile(string folder, string relative, string key)
    {
        if (File.Exists(Path.Combine(folder, relative))) return;
        var nearest = NearestName.Of(relative, FilesOf(folder));
        throw new FuseMixException(
            FailureKind.Invalid,
            $"The encoder pack {folder} names '{relative}' as '{key}', but has no such file.",
            nearest is null ? "Copy the file into the pack, or correct encoder.json." : $"Did you mean '{nearest}'?");
    }
}
