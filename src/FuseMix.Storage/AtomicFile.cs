using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace FuseMix.Storage;

/// <summary>Writes files so that a reader sees either the old content or the whole new one, whenever the machine stops.</summary>
/// <remarks>The steps: write a temporary name in the same folder, fsync it, rename over the final name, fsync the folder.</remarks>
public static partial class AtomicFile
{
    private const int FileExists = 17;

    /// <summary>Writes <paramref name="path"/> with what <paramref name="write"/> puts into the stream.</summary>
    /// <remarks>Missing folders are made. If <paramref name="write"/> fails, the temporary file is removed and nothing changes.</remarks>
    /// <exception cref="FuseMixException">The disk is full, or the folder cannot be written to.</exception>
    public static void Write(string path, Action<Stream> write) => Publish(path, write, (temporary, name) =>
    {
        File.Move(temporary, name, overwrite: true);
        return true;
    });

    /// <summary>Writes a file that never changes once it is there: of several writers at once, on any nodes, exactly one
    /// succeeds.</summary>
    /// <returns>False where there is such a file already, which stays as it is.</returns>
    /// <exception cref="FuseMixException">The disk is full, or the folder cannot be written to.</exception>
    public static bool TryCreate(string path, Action<Stream> write) => Publish(path, write, TryName);

    /// <summary>Writes a value as JSON where there is no such file yet; see <see cref="TryCreate"/>.</summary>
    public static bool TryCreateJson<T>(string path, T value, JsonTypeInfo<T> type) =>
        TryCreate(path, stream => JsonSerializer.Serialize(stream, value, type));

    private static bool Publish(string path, Action<Stream> write, Func<string, string, bool> name)
    {
        var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        var temporary = Path.Combine(folder, $".{Path.GetFileName(path)}.{Environment.ProcessId}-{Guid.NewGuid():N}.tmp");
        try
        {
            Directory.CreateDirectory(folder);
            // Shared for deletion and open until it has its final name: a file that is open is how RemoveLeftovers knows a live writer.
            using (var stream = new FileStream(temporary, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.Delete, 1 << 16))
            {
                write(stream);
                Faults.Reach($"written {Path.GetFileName(path)}");
                stream.Flush(flushToDisk: true);
                Faults.Reach($"synced {Path.GetFileName(path)}");
                if (!name(temporary, path))
                {
                    File.Delete(temporary);
                    return false;
                }

                Faults.Reach($"renamed {Path.GetFileName(path)}");
                File.Delete(temporary);
            }

            SyncFolder(folder);
            return true;
        }
        catch (Exception e) when (e is not SimulatedCrash)
        {
            if (Directory.Exists(folder)) File.Delete(temporary);
            if (DiskFailure.Of(e, path) is { } failure) throw failure;
            throw;
        }
    }

    private static bool TryName(string temporary, string path)
    {
        // A rename would replace what another writer has just put there, and a look beforehand would come too early.
        if (!OperatingSystem.IsWindows())
        {
            if (Link(temporary, path) == 0) return true;
            if (Marshal.GetLastPInvokeError() == FileExists) return false;
        }

        // The file system knows no second names for a file.
        try
        {
            File.Move(temporary, path, overwrite: false);
            return true;
        }
        catch (IOException) when (File.Exists(path))
        {
            return false;
        }
    }

    /// <summary>Writes a text in UTF-8 without a byte order mark.</summary>
    public static void WriteText(string path, string text) => WriteBytes(path, System.Text.Encoding.UTF8.GetBytes(text));

    /// <summary>Writes some bytes.</summary>
    public static void WriteBytes(string path, ReadOnlyMemory<byte> content) => Write(path, stream => stream.Write(content.Span));

    /// <summary>Writes a value as JSON.</summary>
    public static void WriteJson<T>(string path, T value, JsonTypeInfo<T> type) =>
        Write(path, stream => JsonSerializer.Serialize(stream, value, type));

    /// <summary>Removes from a folder the temporary files of writers that died; those of live writers stay.</summary>
    /// <returns>The names of the removed files.</returns>
    public static IReadOnlyList<string> RemoveLeftovers(string folder)
    {
        if (!Directory.Exists(folder)) return [];
        var removed = new List<string>();
        foreach (var path in Directory.EnumerateFiles(folder, ".*.tmp").Order(StringComparer.Ordinal))
        {
            try
            {
                using var exclusive = new FileStream(
                    path,
                    FileMode.Open,
                    FileAccess.ReadWrite,
                    FileShare.None,
                    1,
                    FileOptions.DeleteOnClose);
                removed.Add(Path.GetFileName(path));
            }
            catch (IOException)
            {
                // Somebody is writing it just now, or has just renamed it.
            }
        }

        return removed;
    }

    /// <summary>Makes the renames and deletions done in a folder durable; without effect where the platform has no such call.</summary>
    public static void SyncFolder(string folder)
    {
        if (!OperatingSystem.IsLinux()) return;
        var descriptor = Open(folder, 0);
        if (descriptor < 0) return;
        _ = Fsync(descriptor);
        _ = Close(descriptor);
    }

    /// <summary>Makes all files durable that were written in a folder, at once rather than one by one; without effect where the platform
    /// has no such call.</summary>
    public static void SyncFiles(string folder)
    {
        if (!OperatingSystem.IsLinux()) return;
        var descriptor = Open(folder, 0);
        if (descriptor < 0) return;
        _ = SyncFileSystem(descriptor);
        _ = Close(descriptor);
    }

    [LibraryImport("libc", EntryPoint = "link", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial int Link(string path, string name);

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync")]
    private static partial int Fsync(int descriptor);

    [LibraryImport("libc", EntryPoint = "syncfs")]
    private static partial int SyncFileSystem(int descriptor);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int descriptor);
}
