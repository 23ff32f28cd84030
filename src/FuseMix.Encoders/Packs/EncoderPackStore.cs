using FuseMix.Storage;

namespace FuseMix.Encoders.Packs;

/// <summary>The installed encoder packs: <c>&lt;name&gt;/&lt;fingerprint&gt;/</c> each, and which of them a name means now.</summary>
/// <remarks>A pack that was replaced or removed stays for whatever was made with it, until <see cref="CollectGarbage"/> finds that nothing
/// is.</remarks>
/// <param name="root">The folder of all packs; made when the first one is added.</param>
public sealed class EncoderPackStore(string root)
{
    private readonly ContentFolders _packs = new(
        root, "encoder", "Install the encoder again: remove its folder there, then 'fusemix encoders import' or 'add' it.");

    /// <summary>The folder of all packs, as a full path.</summary>
    public string Root => _packs.Root;

    /// <summary>The names of the installed packs, in ordinal order.</summary>
    public IReadOnlyList<string> List() => _packs.Names();

    /// <summary>Whether a pack is installed under a name.</summary>
    /// <exception cref="FuseMixException">What the name means cannot be read.</exception>
    public bool Contains(string name) => Current(name) is not null;

    /// <summary>The fingerprint of the pack that a name means now; null for none.</summary>
    /// <exception cref="FuseMixException">What the name means cannot be read.</exception>
    public Fingerprint? Current(string name) => _packs.Current(name);

    /// <summary>Reads the pack that a name means now.</summary>
    /// <exception cref="FuseMixException">No such pack (the nearest name is given), <see cref="EncoderPack.Load"/> refuses it, or it was
    /// changed.</exception>
    public EncoderPack Load(string name) => Load(name, afresh: false);

    /// <summary>Reads the pack of a name and fingerprint, whatever the name means now.</summary>
    /// <exception cref="FuseMixException">It is not here, <see cref="EncoderPack.Load"/> refuses it, or it was changed.</exception>
    public EncoderPack Load(string name, Fingerprint fingerprint) => Load(new NamedContent(name, fingerprint), afresh: false);

    /// <summary>Installs a copy of a user's pack folder; either all of it appears or nothing.</summary>
    /// <param name="folder">The folder with <c>encoder.json</c>; it is not changed.</param>
    /// <param name="replace">Whether the name of another content means this one from now on; latents of the old one stay, under its
    /// fingerprint.</param>
    /// <returns>The installed pack; the one already there where its content is the same.</returns>
    /// <exception cref="FuseMixException">The pack is invalid, or its name is taken by another content (conflict).</exception>
    public EncoderPack Add(string folder, bool replace = false)
    {
        var source = EncoderPack.Load(folder, afresh: true);
        var content = new NamedContent(source.Name, source.Fingerprint);
        if (!_packs.Put(content, Copy, IsSound, replace))
        {
            throw new FuseMixException(
                FailureKind.Conflict,
                $"The encoder '{source.Name}' is already installed with another content "
                + $"({_packs.Current(source.Name)?.Short} there, {source.Fingerprint.Short} here).",
                "Give the new one another 'name' in encoder.json, or ask to replace the installed one.");
        }

        return Load(content, afresh: false);

        void Copy(string staging)
        {
            foreach (var file in EncoderPack.FilesOf(source.Folder))
            {
                AtomicFile.Write(Path.Combine(staging, file), stream =>
                {
                    using var from = File.OpenRead(source.PathOf(file));
                    from.CopyTo(stream);
                });
            }

            if (!IsSound(staging))
                throw new FuseMixException(
                    FailureKind.Conflict, $"{source.Folder} changed while it was copied.", "Try again when nothing writes to it.");
        }

        bool IsSound(string copy)
        {
            try
            {
                return EncoderPack.Load(copy, afresh: true).Fingerprint == source.Fingerprint;
            }
            catch (FuseMixException)
            {
                return false;
            }
        }
    }

    /// <summary>Reads every byte of an installed pack, whose content must be the one with which it was added.</summary>
    /// <exception cref="FuseMixException">It is missing or invalid, or its fingerprint is another (corrupt).</exception>
    public EncoderPack Verify(string name) => Load(name, afresh: true);

    /// <summary>Makes a name mean nothing any more; latents that were made with its pack stay, under its fingerprint.</summary>
    /// <exception cref="FuseMixException">No such pack; the nearest name is given.</exception>
    public void Remove(string name)
    {
        if (!_packs.Remove(name)) throw FuseMixException.UnknownName("encoder", name, List());
    }

    /// <summary>Deletes packs that were replaced or removed and that nothing is made with, see
    /// <see cref="ContentFolders.CollectGarbage"/>.</summary>
    /// <param name="pinned">Packs to keep.</param>
    /// <param name="now">The time.</param>
    /// <param name="removed">A name whose packs are not waited for, since a user removed it just now.</param>
    /// <returns>The deleted folders.</returns>
    /// <exception cref="FuseMixException">What a name means cannot be read; nothing of that name was deleted.</exception>
    public IReadOnlyList<string> CollectGarbage(IReadOnlySet<NamedContent> pinned, DateTimeOffset now, string? removed = null) =>
        _packs.CollectGarbage(pinned, now, removed);

    private EncoderPack Load(string name, bool afresh)
    {
        ResourceName.Require(name, "encoder");
        while (true)
        {
            var current = _packs.Current(name) ?? throw Unknown(name);
            try
            {
                return Load(new NamedContent(name, current), afresh);
            }
            catch (FuseMixException) when (_packs.Current(name) != current)
            {
                // It was replaced and collected since: what the name means now is there.
            }
        }
    }

    private FuseMixException Unknown(string name)
    {
        var folder = Path.Combine(Root, name);
        return File.Exists(Path.Combine(folder, EncoderPackDefinition.FileName))
            ? new FuseMixException(
                FailureKind.NotFound,
                $"The pack in '{folder}' was put there by hand and is not installed.",
                $"Install it: fusemix encoders add {folder}")
            : FuseMixException.UnknownName("encoder", name, List());
    }

    private EncoderPack Load(NamedContent content, bool afresh)
    {
        var folder = _packs.FolderOf(content);
        if (!Directory.Exists(folder))
        {
            throw new FuseMixException(
                FailureKind.NotFound,
                $"The pack {content.Content.Short} of the encoder '{content.Name}' is not here any more: '{folder}' is missing.",
                "Add that very pack again with 'fusemix encoders add FOLDER --replace', or extract and train with the encoder as it is "
                    + "now.");
        }

        var pack = EncoderPack.Load(folder, afresh);
        if (pack.Name == content.Name && pack.Fingerprint == content.Content) return pack;
        throw new FuseMixException(
            FailureKind.Corrupt,
            $"The encoder '{content.Name}' was changed after it was installed: its fingerprint is {pack.Fingerprint.Short}, not "
                + $"{content.Content.Short}.",
            $"Install it again, which mends it, or keep the change under another name. Its folder is {folder}.");
    }
}
