using FuseMix.Storage;

namespace FuseMix.Encoders.Packs;

/// <summary>The installed encoder packs: one folder each, under its name, in <paramref name="root"/>.</summary>
/// <param name="root">The folder of all packs; made when the first one is added.</param>
public sealed class EncoderPackStore(string root)
{
    /// <summary>Where the fingerprint of an installed pack is noted when it is added; not part of the pack.</summary>
    private const string FingerprintFile = ".fingerprint";

    /// <summary>The folder of all packs, as a full path.</summary>
    public string Root { get; } = Path.GetFullPath(root);

    /// <summary>The names of the installed packs, in ordinal order.</summary>
    public IReadOnlyList<string> List() => !Directory.Exists(Root)
        ? []
        :
        [
            .. Directory.EnumerateDirectories(Root)
                .Where(folder => File.Exists(Path.Combine(folder, EncoderPackDefinition.FileName)))
                .Select(folder => Path.GetFileName(folder)!)
                .Where(ResourceName.IsValid)
                .Order(StringComparer.Ordinal),
        ];

    /// <summary>Whether a pack is installed under a name.</summary>
    public bool Contains(string name) =>
        ResourceName.IsValid(name) && File.Exists(Path.Combine(Root, name, EncoderPackDefinition.FileName));

    /// <summary>Reads an installed pack.</summary>
    /// <exception cref="FuseMixException">No such pack (the nearest name is given), or <see cref="EncoderPack.Load"/> refuses it.</exception>
    public EncoderPack Load(string name)
    {
        ResourceName.Require(name, "encoder");
        if (!Contains(name)) throw FuseMixException.UnknownName("encoder", name, List());
        var pack = EncoderPack.Load(Path.Combine(Root, name));
        return pack.Name == name ? pack : throw new FuseMixException(
            FailureKind.Corrupt,
            $"The folder {pack.Folder} holds the encoder '{pack.Name}', not '{name}'.",
            "Rename the folder, or correct 'name' in encoder.json.");
    }

    /// <summary>Installs a copy of a user's pack folder; either all of it appears or nothing.</summary>
    /// <param name="folder">The folder with <c>encoder.json</c>; it is not changed.</param>
    /// <param name="replace">Whether a pack of the same name with another content is replaced; latents of the old one stay, under its fingerprint.</param>
    /// <returns>The installed pack; the one already there where its content is the same.</returns>
    /// <exception cref="FuseMixException">The pack is invalid, or its name is taken by another content (conflict).</exception>
    public EncoderPack Add(string folder, bool replace = false)
    {
        var source = EncoderPack.Load(folder);
        var target = Path.Combine(Root, source.Name);
        if (source.Folder == target)
        {
            AtomicFile.WriteText(Path.Combine(target, FingerprintFile), $"{source.Fingerprint}\n");
            return source;
        }

        if (Contains(source.Name) && !replace)
        {
            var existing = EncoderPack.Load(target);
            if (existing.Fingerprint == source.Fingerprint) return existing;
            throw new FuseMixException(
                FailureKind.Conflict,
                $"The encoder '{source.Name}' is already installed with another content "
                + $"({existing.Fingerprint.Short} there, {source.Fingerprint.Short} here).",
                "Give the new one another 'name' in encoder.json, or ask to replace the installed one.");
        }

        Directory.CreateDirectory(Root);
        var staging = Path.Combine(Root, $".{source.Name}.{Guid.NewGuid():N}.tmp");
        try
        {
            Copy(source, staging);
            var copied = EncoderPack.Load(staging);
            if (copied.Fingerprint != source.Fingerprint)
                throw new FuseMixException(FailureKind.Conflict, $"{source.Folder} changed while it was copied.", "Try again when nothing writes to it.");
            AtomicFile.WriteText(Path.Combine(staging, FingerprintFile), $"{source.Fingerprint}\n");
            Publish(staging, target);
        }
        finally
        {
            if (Directory.Exists(staging)) Directory.Delete(staging, recursive: true);
        }

        return EncoderPack.Load(target);
    }

    /// <summary>Checks that an installed pack still has the content with which it was added.</summary>
    /// <returns>The pack; a pack that was put into the folder by hand has nothing to compare with and passes.</returns>
    /// <exception cref="FuseMixException">It is missing or invalid, or its fingerprint is another (corrupt).</exception>
    public EncoderPack Verify(string name)
    {
        var pack = Load(name);
        var noted = Path.Combine(pack.Folder, FingerprintFile);
        if (!File.Exists(noted)) return pack;
        var expected = File.ReadAllText(noted).Trim();
        return expected == pack.Fingerprint.Hex ? pack : throw new FuseMixException(
            FailureKind.Corrupt,
            $"The encoder '{name}' was changed after it was installed: its fingerprint is {pack.Fingerprint.Short}, not {(expected.Length > 16 ? expected[..16] : expected)}.",
            $"Install it again, or keep the change under another name. Its folder is {pack.Folder}.");
    }

    /// <summary>Removes an installed pack; latents that were made with it stay, under its fingerprint.</summary>
    /// <exception cref="FuseMixException">No such pack; the nearest name is given.</exception>
    public void Remove(string name)
    {
        if (!Contains(name)) throw FuseMixException.UnknownName("encoder", name, List());
        // Renamed first, so that a half-removed folder never passes for a pack.
        var doomed = Path.Combine(Root, $".{name}.{Guid.NewGuid():N}.old");
        Directory.Move(Path.Combine(Root, name), doomed);
        AtomicFile.SyncFolder(Root);
        Directory.Delete(doomed, recursive: true);
    }

    private static void Copy(EncoderPack source, string staging)
    {
        foreach (var file in EncoderPack.FilesOf(source.Folder))
        {
            AtomicFile.Write(Path.Combine(staging, file), stream =>
            {
                using var from = File.OpenRead(source.PathOf(file));
                from.CopyTo(stream);
            });
        }
    }

    /// <summary>Folders cannot be renamed over one another, so a replaced one steps aside first and is deleted last.</summary>
    private void Publish(string staging, string target)
    {
        string? replaced = null;
        if (Directory.Exists(target))
        {
            replaced = Path.Combine(Root, $".{Path.GetFileName(target)}.{Guid.NewGuid():N}.old");
            Directory.Move(target, replaced);
        }

        try
        {
            Directory.Move(staging, target);
        }
        catch when (replaced is not null)
        {
            Directory.Move(replaced, target);
            throw;
        }

        AtomicFile.SyncFolder(Root);
        if (replaced is not null) Directory.Delete(replaced, recursive: true);
    }
}
