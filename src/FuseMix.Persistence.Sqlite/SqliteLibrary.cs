using System.Runtime.InteropServices;

namespace FuseMix.Persistence.Sqlite;

/// <summary>Loads SQLite so that its calls of itself stay within it.</summary>
/// <remarks>
/// A symbol is looked for in what the whole process shares before it is looked for in the library that asks, and what loads modules, as Debian's
/// libvips does, may bring Debian's SQLite into the process for all to see. Ours, loaded as .NET does it, binds each of its calls when it is first
/// made: the first checkpoint of a write-ahead log that had grown to 1,000 pages went into the other library, with our structures, and ended the
/// process.
/// </remarks>
internal static partial class SqliteLibrary
{
    private const int BindNow = 0x2, OwnSymbolsFirst = 0x8;

    /// <summary>Loads it; whoever loads it later gets this one. Nothing where it is not found, as with another system's library.</summary>
    public static void Load()
    {
        if (!OperatingSystem.IsLinux()) return;
        var folders = AppContext.GetData("NATIVE_DLL_SEARCH_DIRECTORIES") as string ?? "";
        var library = folders.Split(Path.PathSeparator).Append(AppContext.BaseDirectory)
            .Select(folder => Path.Combine(folder, "libe_sqlite3.so"))
            .FirstOrDefault(File.Exists);
        if (library is not null) _ = Open(library, BindNow | OwnSymbolsFirst);
    }

    [LibraryImport("libc", EntryPoint = "dlopen", StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint Open(string path, int flags);
}
