using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace FuseMix.Storage;

/// <summary>One content of a name.</summary>
/// <param name="Name">The name.</param>
/// <param name="Content">Its fingerprint.</param>
public readonly record struct NamedContent(string Name, Fingerprint Content);

/// <summary>Folders that never change, each under its name and fingerprint, and for each name a pointer to the content that it means now:
/// <c>&lt;name&gt;/&lt;fingerprint&gt;/…</c> and <c>&lt;name&gt;/current.json</c>.</summary>
/// <remarks>
/// A content appears whole or not at all, and the pointer is replaced at once. A content that was given up stays for whoever still holds
/// its fingerprint, until <see cref="CollectGarbage"/> has found it unused for a while. Safe for several processes on one folder.
/// </remarks>
/// <param name="root">The folder of all names; made when the first content is put.</param>
/// <param name="what">What a content is, for messages, e.g. "encoder".</param>
/// <param name="remedy">The way out where a pointer is damaged.</param>
public sealed class ContentFolders(string root, string what, string remedy)
{
    /// <summary>How long an unused content stays: longer than anybody needs from reading a pointer to pinning or opening what it points
    /// to.</summary>
    public static readonly TimeSpan Grace = TimeSpan.FromHours(1);

    private const string PointerFile = "current.json";
    private const string UnusedSuffix = ".unused";

    /// <summary>The folder of all names, as a full path.</summary>
    public string Root { get; } = Path.GetFullPath(root);

    /// <summary>The names that mean something, in ordinal order.</summary>
    public IReadOnlyList<string> Names() => [.. NameFolders().Where(name => File.Exists(PointerOf(name))).Order(StringComparer.Ordinal)];

    /// <summary>Every content that is there, whether its name still means it or not.</summary>
    public IReadOnlyList<string> Folders() => [.. NameFolders().SelectMany(ContentsOf).Where(IsContent)];

    /// <summary>What a name means now; null for nothing.</summary>
    /// <exception cref="FuseMixException">The pointer is damaged.</exception>
    public Fingerprint? Current(string name) => Read(name) is { } pointer ? new Fingerprint(pointer.Fingerprint) : null;

    /// <summary>Who made a name mean what it means now, as it said so itself; null where it did not, or the name means nothing.</summary>
    /// <exception cref="FuseMixException">The pointer is damaged.</exception>
    public string? By(string name) => Read(name)?.By;

    private ContentPointer? Read(string name)
    {
        if (!ResourceName.IsValid(name)) return null;
        var path = PointerOf(name);
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(path), PointerJson.Default.ContentPointer) is { Fingerprint: { Length: 64 } hex } pointer
                && hex.All(char.IsAsciiHexDigitLower)
                ? pointer
                : throw new JsonException("it names no fingerprint");
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
        catch (JsonException e)
        {
            throw new FuseMixException(
                FailureKind.Corrupt, $"'{path}', which says what the {what} '{name}' is, is damaged: {e.Message}", remedy, e);
        }
    }

    /// <summary>Where a content lies, whether it is there or not.</summary>
    public string FolderOf(NamedContent content) => Path.Combine(Root, ResourceName.Require(content.Name, what), content.Content.Short);

    /// <summary>Stores a content and makes its name mean it.</summary>
    /// <param name="content">The name, and the fingerprint of what is written.</param>
    /// <param name="write">Writes the content into an empty folder; called only where it is not there already.</param>
    /// <param name="isSound">Whether a folder holds the content; what does not is replaced.</param>
    /// <param name="replace">Whether the name may mean something else so far.</param>
    /// <param name="by">Who stores it; see <see cref="By"/>.</param>
    /// <returns>False where it may not, and does; then nothing was changed.</returns>
    /// <exception cref="FuseMixException">The disk is full, or the folder cannot be written to.</exception>
    public bool Put(NamedContent content, Action<string> write, Func<string, bool> isSound, bool replace, string? by = null)
    {
        var (folder, target) = (NameFolder(content.Name), FolderOf(content));
        do
        {
            var current = Current(content.Name);
            if (!replace && current is not null && current != content.Content) return false;
            if (Directory.Exists(target)) File.Delete(target + UnusedSuffix);
            if (!Directory.Exists(target) || !isSound(target)) Publish(folder, target, write, isSound);
            var pointer = new ContentPointer(content.Content.Hex, by);
            if (Read(content.Name) != pointer) AtomicFile.WriteJson(PointerOf(content.Name), pointer, PointerJson.Default.ContentPointer);
        }

        // Whoever collects it as garbage had looked before the name meant it.
        while (!Directory.Exists(target));
        return true;
    }

    /// <summary>Makes a name mean nothing any more; what it meant stays until it is collected.</summary>
    /// <returns>False where it meant nothing.</returns>
    public bool Remove(string name)
    {
        if (!ResourceName.IsValid(name) || !File.Exists(PointerOf(name))) return false;
        File.Delete(PointerOf(name));
        AtomicFile.SyncFolder(NameFolder(name));
        return true;
    }

    /// <summary>Deletes contents that no name means and nobody has pinned for <see cref="Grace"/>, and what was left behind by writers that
    /// died.</summary>
    /// <param name="pinned">Contents to keep.</param>
    /// <param name="now">The time.</param>
    /// <param name="removed">A name whose contents are not waited for, since a user removed it just now.</param>
    /// <returns>The deleted folders.</returns>
    public IReadOnlyList<string> CollectGarbage(IReadOnlySet<NamedContent> pinned, DateTimeOffset now, string? removed = null)
    {
        var kept = pinned.Select(FolderOf).ToHashSet(StringComparer.Ordinal);
        var deleted = new List<string>();
        foreach (var name in NameFolders())
        {
            foreach (var folder in ContentsOf(name))
            {
                var mark = folder + UnusedSuffix;
                if (IsCurrent(name, folder) || kept.Contains(folder)) File.Delete(mark);
                else if (name == removed && IsContent(folder) || UnusedSince(mark, now) is { } since && now - since >= Grace)
                {
                    File.Delete(mark);
                    if (!IsCurrent(name, folder) && Delete(folder)) deleted.Add(folder);
                }
            }

            foreach (var mark in MarksOf(name).Where(mark => !Path.Exists(mark[..^UnusedSuffix.Length]))) File.Delete(mark);
            DeleteIfEmpty(NameFolder(name));
        }

        return deleted;
    }

    private bool IsCurrent(string name, string folder) =>
        Current(name) is { } current && FolderOf(new NamedContent(name, current)) == folder;

    private static bool IsContent(string folder) => Path.GetFileName(folder) is { Length: 16 } name && name.All(char.IsAsciiHexDigitLower);

    private string NameFolder(string name) => Path.Combine(Root, ResourceName.Require(name, what));

    private string PointerOf(string name) => Path.Combine(NameFolder(name), PointerFile);

    private IEnumerable<string> NameFolders() => !Directory.Exists(Root)
        ? []
        : [.. Directory.EnumerateDirectories(Root).Select(Path.GetFileName).OfType<string>().Where(ResourceName.IsValid)];

    /// <summary>Folders of contents, and what writers are or were at work in; whatever else lies there is somebody else's.</summary>
    private string[] ContentsOf(string name) => Within(name, folder =>
    [
        .. Directory.GetDirectories(folder).Where(IsContent),
        .. Directory.GetFileSystemEntries(folder, ".*.tmp"),
        .. Directory.GetDirectories(folder, ".*.old"),
    ]);

    private string[] MarksOf(string name) => Within(name, folder => Directory.GetFiles(folder, $"*{UnusedSuffix}"));

    private string[] Within(string name, Func<string, string[]> look)
    {
        try
        {
            return look(NameFolder(name));
        }
        catch (DirectoryNotFoundException)
        {
            // It was the last of its name, and has just gone.
            return [];
        }
    }

    private void Publish(string folder, string target, Action<string> write, Func<string, bool> isSound)
    {
        var staging = Path.Combine(folder, $".{Guid.NewGuid():N}.tmp");
        try
        {
            Directory.CreateDirectory(staging);
            AtomicFile.SyncFolder(Root);
            write(staging);
            AtomicFile.SyncFolder(staging);
            Faults.Reach("staged");

            // Folders cannot be renamed over one another: what is damaged steps aside.
            if (Directory.Exists(target) && !isSound(target)) Delete(target);
            try
            {
                Directory.Move(staging, target);
            }
            catch (IOException) when (Directory.Exists(target))
            {
                // Another writer was first, with the same content.
                Directory.Delete(staging, recursive: true);
            }

            Faults.Reach("published");
            AtomicFile.SyncFolder(folder);
        }
        catch (Exception e) when (e is not SimulatedCrash)
        {
            if (Directory.Exists(staging)) Directory.Delete(staging, recursive: true);
            if (DiskFailure.Of(e, staging) is { } failure) throw failure;
            throw;
        }
    }

    /// <summary>Since when a content is known to be unused; null where that is found only now, which is noted.</summary>
    private static DateTimeOffset? UnusedSince(string mark, DateTimeOffset now)
    {
        try
        {
            if (File.Exists(mark) && DateTimeOffset.TryParse(File.ReadAllText(mark), CultureInfo.InvariantCulture, out var since))
                return since;
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            // It is used again just now.
            return null;
        }

        AtomicFile.WriteText(mark, now.ToString("O", CultureInfo.InvariantCulture));
        return null;
    }

    /// <summary>Deletes a content; renamed first, so that what is half removed never passes for one.</summary>
    /// <returns>False where somebody else is at it.</returns>
    private static bool Delete(string path)
    {
        if (File.Exists(path))
        {
            File.Delete(path);
            return true;
        }

        var doomed = Path.Combine(Path.GetDirectoryName(path)!, $".{Guid.NewGuid():N}.old");
        try
        {
            Directory.Move(path, doomed);
            Faults.Reach("doomed");
            Directory.Delete(doomed, recursive: true);
            return true;
        }
        catch (DirectoryNotFoundException)
        {
            return false;
        }
    }

    private static void DeleteIfEmpty(string folder)
    {
        try
        {
            if (!Directory.EnumerateFileSystemEntries(folder).Any()) Directory.Delete(folder);
        }
        catch (IOException)
        {
            // Somebody has just begun to put something there, or has removed it too.
        }
    }
}

/// <summary>What a name means, and who made it mean that.</summary>
internal sealed record ContentPointer([property: JsonRequired] string Fingerprint, string? By = null);

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true, UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow)]
[JsonSerializable(typeof(ContentPointer))]
internal sealed partial class PointerJson : JsonSerializerContext;
