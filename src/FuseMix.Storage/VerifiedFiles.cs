using System.Collections.Concurrent;

namespace FuseMix.Storage;

/// <summary>The checksums of files that nobody changes once they are there: each is read through once in a process, however often it is
/// opened.</summary>
/// <remarks>
/// A file is known again by its path, size and time of last change. What a disk loses silently changes none of these; so whoever is asked
/// to look for damage reads afresh. Thread-safe: of several who ask at once, one reads and the others wait for it.
/// </remarks>
public static class VerifiedFiles
{
    /// <summary>File systems count time as coarsely as this: a file changed so lately can change again without a trace.</summary>
    private static readonly TimeSpan Coarsest = TimeSpan.FromSeconds(2);

    /// <summary>Files to remember at most, some 30 MB; beyond that everything is read once more.</summary>
    private const int Kept = 100_000;

    private static readonly ConcurrentDictionary<string, Known> Files = new(StringComparer.Ordinal);

    /// <summary>The checksum of a whole file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="afresh">Read it, whatever is known of it.</param>
    /// <exception cref="FuseMixException">There is no such file.</exception>
    public static Fingerprint ChecksumOf(string path, bool afresh = false)
    {
        path = Path.GetFullPath(path);
        if (Files.Count > Kept) Files.Clear();
        var known = Files.GetOrAdd(path, _ => new Known());
        lock (known)
        {
            var file = new FileInfo(path);
            var (length, changed) = file.Exists ? (file.Length, file.LastWriteTimeUtc) : default;
            if (!afresh && known.Checksum is { } remembered && known.Length == length && known.Changed == changed) return remembered;
            known.Checksum = null;
            var started = DateTime.UtcNow;
            var checksum = FileChecksum.Of(path);
            if (started - changed >= Coarsest) (known.Checksum, known.Length, known.Changed) = (checksum, length, changed);
            return checksum;
        }
    }

    /// <summary>Fails unless a file has the checksum that was recorded for it.</summary>
    /// <param name="path">The file.</param>
    /// <param name="expected">What was recorded.</param>
    /// <param name="remedy">The way out for the user where it differs.</param>
    /// <param name="afresh">Read it, whatever is known of it.</param>
    /// <exception cref="FuseMixException">It is missing or another one; the message names it.</exception>
    public static void Require(string path, Fingerprint expected, string? remedy = null, bool afresh = false)
    {
        Fingerprint actual;
        try
        {
            actual = ChecksumOf(path, afresh);
        }
        catch (FuseMixException missing) when (missing.Kind == FailureKind.NotFound)
        {
            throw new FuseMixException(FailureKind.NotFound, missing.Message, remedy, missing);
        }

        FileChecksum.Require(path, actual, expected, remedy);
    }

    private sealed class Known
    {
        public Fingerprint? Checksum { get; set; }

        public long Length { get; set; }

        public DateTime Changed { get; set; }
    }
}
