using System.Runtime.InteropServices;
using System.Text;

namespace FuseMix.Core.Files;

/// <summary>What lies at a path, where links lead to it.</summary>
public enum FileKind
{
    /// <summary>Nothing, or nothing that this user may look at.</summary>
    None,

    /// <summary>A file with bytes.</summary>
    File,

    /// <summary>A folder.</summary>
    Folder,

    /// <summary>A pipe, a socket or a device: whoever reads one may wait for ever, or never come to an end.</summary>
    Other,
}

/// <summary>What .NET does not tell of a path: what kind of thing is there, and where it is when every link is followed.</summary>
public static unsafe partial class FilePlace
{
    private const int PathBytes = 4096;
    private const int CurrentFolder = -100;
    private const uint TypeWanted = 1;
    private const int ModeAt = 28;
    private const int TypeMask = 0xF000, FolderType = 0x4000, RegularType = 0x8000;

    /// <summary>What lies at a path; links are followed, nothing is opened.</summary>
    public static FileKind KindOf(string path)
    {
        // Other systems are not told apart any further.
        if (!OperatingSystem.IsLinux()) return Directory.Exists(path) ? FileKind.Folder : File.Exists(path) ? FileKind.File : FileKind.None;

        // struct statx is the same on every architecture, unlike struct stat.
        var status = stackalloc byte[256];
        if (Status(CurrentFolder, path, 0, TypeWanted, status) != 0) return FileKind.None;
        return (*(ushort*)(status + ModeAt) & TypeMask) switch
        {
            RegularType => FileKind.File,
            FolderType => FileKind.Folder,
            _ => FileKind.Other,
        };
    }

    /// <summary>Where a path leads to, absolute and without links; null where nothing is there, or links lead nowhere.</summary>
    public static string? RealPath(string path)
    {
        if (!OperatingSystem.IsLinux()) return Path.Exists(path) ? Path.TrimEndingDirectorySeparator(Path.GetFullPath(path)) : null;
        var resolved = stackalloc byte[PathBytes];
        return Resolve(path, resolved) is null ? null : Encoding.UTF8.GetString(
            MemoryMarshal.CreateReadOnlySpanFromNullTerminated(resolved));
    }

    /// <summary>Whether a path without links is a folder or lies in it, which has none either.</summary>
    public static bool IsWithin(string path, string folder) =>
        path.StartsWith(folder, StringComparison.Ordinal)
        && (path.Length == folder.Length || folder.EndsWith(Path.DirectorySeparatorChar) || path[folder.Length] == Path.DirectorySeparatorChar);

    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Status(int folder, string path, int flags, uint wanted, byte* status);

    [LibraryImport("libc", EntryPoint = "realpath", StringMarshalling = StringMarshalling.Utf8)]
    private static partial byte* Resolve(string path, byte* resolved);
}
