using System.Buffers;
using System.IO.MemoryMappedFiles;
using System.Security.Cryptography;

namespace FuseMix.Storage;

/// <summary>A file's bytes as they were when they were read, mapped into memory: whatever becomes of the file, nobody can change or shorten
/// them.</summary>
/// <remarks>
/// A mapping of the file itself would end the process (SIGBUS) at the first page that somebody cut off, which nothing can catch. A small
/// file is kept in memory. A larger one is a file without a name in the temporary folder (<c>TMPDIR</c>, or <c>/tmp</c>): what of it is not
/// read needs no memory, as with a mapping of the original, and the system removes it when the process ends, however it ends.
/// </remarks>
public sealed class PrivateCopy : IDisposable
{
    /// <summary>Files up to this many bytes are kept in memory: for them a file of their own is not worth its trouble.</summary>
    public const long InMemory = 16 << 20;

    private const int Block = 1 << 20;
    private readonly MemoryMappedFile _map;

    private PrivateCopy(MemoryMappedFile map, long length, Fingerprint checksum)
    {
        (_map, Length, Checksum) = (map, length, checksum);
        View = map.CreateViewAccessor(0, length, MemoryMappedFileAccess.Read);
    }

    /// <summary>The bytes; it ends with this copy, or when the last one lets go of its handle.</summary>
    public MemoryMappedViewAccessor View { get; }

    /// <summary>Number of bytes, at least 1.</summary>
    public long Length { get; }

    /// <summary>SHA-256 over them, as <c>sha256sum</c> prints it.</summary>
    public Fingerprint Checksum { get; }

    /// <summary>Reads a file once, from its begin to its end.</summary>
    /// <param name="path">The file.</param>
    /// <param name="inMemory">Up to how many bytes it is kept in memory.</param>
    /// <exception cref="InvalidDataException">It is empty, or was shortened while it was read.</exception>
    /// <exception cref="FuseMixException">The temporary folder has no room for it, or cannot be written to.</exception>
    /// <exception cref="IOException">It cannot be read, or there is none.</exception>
    public static PrivateCopy Of(string path, long inMemory = InMemory)
    {
        using var source = new FileStream(
            path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, 1, FileOptions.SequentialScan);
        var length = source.Length;
        if (length == 0) throw new InvalidDataException("it is empty");
        return length <= inMemory ? ToMemory(source, length) : ToFile(source, length);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        View.Dispose();
        _map.Dispose();
    }

    private static PrivateCopy ToMemory(FileStream source, long length)
    {
        var map = MemoryMappedFile.CreateNew(null, length);
        try
        {
            using var stream = map.CreateViewStream(0, length);
            return new PrivateCopy(map, length, Copy(source, length, stream));
        }
        catch
        {
            map.Dispose();
            throw;
        }
    }

    private static PrivateCopy ToFile(FileStream source, long length)
    {
        var folder = Path.GetTempPath();
        try
        {
            using var stream = new FileStream(
                Path.Combine(folder, $".fusemix-{Guid.NewGuid():N}"), FileMode.CreateNew, FileAccess.ReadWrite, FileShare.Delete, 1);
            File.Delete(stream.Name);
            var checksum = Copy(source, length, stream);
            var map = MemoryMappedFile.CreateFromFile(
                stream, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: true);
            return new PrivateCopy(map, length, checksum);
        }
        catch (Exception e) when (DiskFailure.Of(e, folder) is { } failure)
        {
            throw new FuseMixException(
                FailureKind.Unavailable,
                $"There is no room for a copy of '{source.Name}' ({length} bytes): {failure.Message}",
                "Free some space there, or set TMPDIR to a folder on a local disk with room for it.",
                e);
        }
    }

    private static Fingerprint Copy(FileStream source, long length, Stream destination)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = ArrayPool<byte>.Shared.Rent(Block);
        try
        {
            for (long copied = 0; copied < length;)
            {
                var read = source.Read(buffer, 0, (int)Math.Min(Block, length - copied));
                if (read == 0) throw new InvalidDataException($"it was cut short to {copied} bytes while it was read");
                hash.AppendData(buffer, 0, read);
                destination.Write(buffer, 0, read);
                copied += read;
            }

            return new Fingerprint(Convert.ToHexStringLower(hash.GetHashAndReset()));
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
