namespace FuseMix.Core.Files;

/// <summary>A file in a folder or a folder in it.</summary>
/// <param name="Name">Its path in the folder, with forward slashes.</param>
/// <param name="Path">Where it is.</param>
public sealed record FolderFile(string Name, string Path);

/// <summary>Something in a folder that is not for reading.</summary>
/// <param name="Name">Its path in the folder, with forward slashes; a folder stands for all that is in it.</param>
/// <param name="Reason">Why not, as the end of a sentence about it.</param>
public sealed record FolderOmission(string Name, string Reason)
{
    /// <summary>Whether an operating system or Git put it there, which nobody misses.</summary>
    public bool IsSystemFile => FolderWalk.IsSystemFile(Name[(Name.LastIndexOf('/') + 1)..]);
}

/// <summary>All that is in a folder.</summary>
/// <param name="Files">What can be read, by name.</param>
/// <param name="Omissions">What is there beside it, by name.</param>
public sealed record FolderContents(IReadOnlyList<FolderFile> Files, IReadOnlyList<FolderOmission> Omissions);

/// <summary>Looks through folders within folders. However links lead, each folder is entered once.</summary>
public sealed class FolderWalk
{
    private static readonly HashSet<string> SystemNames = new(StringComparer.OrdinalIgnoreCase)
    {
        ".DS_Store", ".localized", ".Spotlight-V100", ".Trashes", ".fseventsd", "__MACOSX", "Thumbs.db", "desktop.ini", ".directory",
        ".git", ".gitattributes", ".gitignore", ".gitkeep",
    };

    private readonly List<FolderFile> _files = [];
    private readonly List<FolderOmission> _omissions = [];
    private readonly HashSet<string> _entered = new(StringComparer.Ordinal);
    private readonly Queue<Folder> _folders = [];
    private readonly Queue<Folder> _linked = [];
    private readonly string _root;
    private readonly string? _within;

    private FolderWalk(string root, string? within) => (_root, _within) = (root, within);

    /// <summary>Everything in a folder.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="within">The folder that no link may lead out of; null where links may lead anywhere.</param>
    /// <param name="cancellation">Stops looking.</param>
    /// <exception cref="FuseMixException">The folder is not there or may not be read. What is wrong with things in it is among the
    /// omissions.</exception>
    public static FolderContents Of(string folder, string? within = null, CancellationToken cancellation = default)
    {
        var path = Path.GetFullPath(folder);
        if (!Directory.Exists(path) || FilePlace.RealPath(path) is not { } root)
            throw new FuseMixException(FailureKind.NotFound, $"There is no folder '{folder}'.", "Check the path.");
        var walk = new FolderWalk(root, within is null ? null : FilePlace.RealPath(within) ?? Path.GetFullPath(within));
        walk._folders.Enqueue(new Folder("", path, root));
        walk.Run(folder, cancellation);
        return new FolderContents(
            [.. walk._files.OrderBy(file => file.Name, StringComparer.Ordinal)],
            [.. walk._omissions.OrderBy(omission => omission.Name, StringComparer.Ordinal)]);
    }

    /// <summary>Whether a file or folder of that name is an operating system's or Git's own.</summary>
    public static bool IsSystemFile(string name) => name.StartsWith("._", StringComparison.Ordinal) || SystemNames.Contains(name);

    private void Run(string given, CancellationToken cancellation)
    {
        // What lies in the folder itself comes before what links lead to: a thing goes by its own name where it has one.
        while (_folders.TryDequeue(out var folder) || _linked.TryDequeue(out folder))
        {
            cancellation.ThrowIfCancellationRequested();
            if (!_entered.Add(folder.Real))
            {
                Omit(folder.Name, "it leads to a folder that is there already");
                continue;
            }

            FileSystemInfo[] entries;
            try
            {
                var all = new EnumerationOptions { AttributesToSkip = 0, IgnoreInaccessible = false };
                entries =
                [
                    .. new DirectoryInfo(folder.Path).EnumerateFileSystemInfos("*", all).OrderBy(
                        entry => entry.Name, StringComparer.Ordinal)
                ];
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                if (folder.Name.Length == 0)
                    throw new FuseMixException(
                        FailureKind.Unavailable,
                        $"The folder '{given}' cannot be read: {e.Message}",
                        "Give this user the right to read it.",
                        e);
                Omit(
                    folder.Name,
                    e is UnauthorizedAccessException
                        ? "the folder may not be read by this user"
                        : $"the folder cannot be read: {e.Message}");
                continue;
            }

            foreach (var entry in entries) Add(entry, folder);
        }
    }

    private void Add(FileSystemInfo entry, Folder folder)
    {
        var name = folder.Name.Length == 0 ? entry.Name : $"{folder.Name}/{entry.Name}";
        var path = Path.Combine(folder.Path, entry.Name);
        if (IsSystemFile(entry.Name))
        {
            Omit(name, "it belongs to the system");
            return;
        }

        if (entry.Name.StartsWith('.'))
        {
            Omit(name, "it is hidden: its name starts with a dot");
            return;
        }

        var isLink = entry.LinkTarget is not null;
        var kind = FilePlace.KindOf(path);
        if (kind == FileKind.Other) Omit(name, "it is no file but a pipe, a socket or a device");
        else if (kind == FileKind.None)
        {
            // Names come out of .NET as UTF-8, and what was not has no way back.
            Omit(
                name,
                isLink
                    ? "it is a link to nothing"
                    : name.Contains('\uFFFD')
                    ? "its name is not in UTF-8"
                    : "it may not be looked at by this user");
        }
        else if (!isLink && kind == FileKind.Folder) _folders.Enqueue(new Folder(name, path, Path.Combine(folder.Real, entry.Name)));
        else if (!isLink) _files.Add(new FolderFile(name, path));
        else if (FilePlace.RealPath(path) is not { } real) Omit(name, "it is a link to nothing");
        else if (_within is not null && !FilePlace.IsWithin(real, _within)) Omit(name, "it is a link that leads out of the folder");
        else if (kind == FileKind.File) _files.Add(new FolderFile(name, path));
        else if (FilePlace.IsWithin(folder.Real, real) || FilePlace.IsWithin(_root, real))
            Omit(name, "it is a link back to a folder that it lies in");
        else _linked.Enqueue(new Folder(name, path, real));
    }

    private void Omit(string name, string reason) => _omissions.Add(new FolderOmission(name, reason));

    private sealed record Folder(string Name, string Path, string Real);
}
