using System.Diagnostics;

namespace FuseMix.Storage;

/// <summary>An exclusive lock between processes that lives in a file; the operating system releases it when its owner dies.</summary>
/// <remarks>
/// Advisory: it keeps out only those who ask. The empty file <c>path</c> carries the lock and is never deleted (deleting it
/// would let two owners lock two different files of one name); <c>path.owner</c> says who holds it, for error messages.
/// </remarks>
public sealed class FileLock : IDisposable
{
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(5);
    private readonly FileStream _stream;

    private FileLock(FileStream stream) => _stream = stream;

    /// <summary>Takes the lock, or returns null where somebody else holds it.</summary>
    public static FileLock? TryAcquire(string path)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        FileStream stream;
        try
        {
            stream = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1);
        }
        catch (IOException) when (File.Exists(path))
        {
            return null;
        }

        try
        {
            // Not worth an fsync: it only serves messages while its writer lives.
            File.WriteAllText(OwnerOf(path), $"process {Environment.ProcessId} on {Environment.MachineName}");
            return new FileLock(stream);
        }
        catch
        {
            stream.Dispose();
            throw;
        }
    }

    /// <summary>Takes the lock, waiting for it.</summary>
    /// <param name="path">The lock file; its folder is made where it is missing.</param>
    /// <param name="what">What it guards, for the message.</param>
    /// <param name="patience">How long to wait; zero for not at all.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    /// <exception cref="FuseMixException">Somebody else held it all that time; the message names the owner.</exception>
    public static FileLock Acquire(string path, string what, TimeSpan patience, CancellationToken cancellation = default)
    {
        var started = Stopwatch.GetTimestamp();
        while (true)
        {
            cancellation.ThrowIfCancellationRequested();
            if (TryAcquire(path) is { } held) return held;
            if (Stopwatch.GetElapsedTime(started) >= patience)
            {
                var owner = Owner(path) ?? "another process";
                throw new FuseMixException(
                    FailureKind.Conflict,
                    $"{what} is in use by {owner}.",
                    "Wait until it has finished, or stop it, then try again.");
            }

            cancellation.WaitHandle.WaitOne(Poll);
        }
    }

    /// <summary>Whether a lock in a folder keeps anybody out: there are mounts on which every owner gets it.</summary>
    public static bool Works(string folder)
    {
        var probe = Path.Combine(folder, $".probe-{Guid.NewGuid():N}");
        try
        {
            using var first = TryAcquire(probe);
            using var second = TryAcquire(probe);
            return first is not null && second is null;
        }
        finally
        {
            File.Delete(probe);
            File.Delete(OwnerOf(probe));
        }
    }

    /// <summary>Who last held the lock; null where nobody ever did.</summary>
    public static string? Owner(string path) => File.Exists(OwnerOf(path)) ? File.ReadAllText(OwnerOf(path)) : null;

    /// <summary>Releases the lock.</summary>
    public void Dispose() => _stream.Dispose();

    private static string OwnerOf(string path) => $"{path}.owner";
}
