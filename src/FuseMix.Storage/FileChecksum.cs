namespace FuseMix.Storage;

/// <summary>SHA-256 over files.</summary>
public static class FileChecksum
{
    /// <summary>Told the path and length of every file that is read through, in the whole process; for tests that count.</summary>
    internal static event Action<string, long>? Hashed;

    /// <summary>The checksum of a whole file.</summary>
    /// <exception cref="FuseMixException">There is no such file.</exception>
    public static Fingerprint Of(string path)
    {
        try
        {
            using var stream = new FileStream(
                path,
                FileMode.Open,
                FileAccess.Read,
                FileShare.ReadWrite | FileShare.Delete,
                1 << 17,
                FileOptions.SequentialScan);
            var checksum = Fingerprint.Of(stream);
            Hashed?.Invoke(path, stream.Length);
            return checksum;
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new FuseMixException(FailureKind.NotFound, $"There is no file '{path}'.", inner: e);
        }
    }

    /// <summary>Fails unless a file has the checksum that was recorded for it.</summary>
    /// <param name="path">The file.</param>
    /// <param name="expected">What was recorded.</param>
    /// <param name="remedy">The way out for the user where it differs.</param>
    /// <exception cref="FuseMixException">It is missing or another one; the message names it.</exception>
    public static void Require(string path, Fingerprint expected, string? remedy = null) => Require(path, Of(path), expected, remedy);

    /// <summary>Fails unless the checksum of a file that was read is the one that was recorded for it.</summary>
    /// <param name="path">The file.</param>
    /// <param name="actual">The checksum of what was read.</param>
    /// <param name="expected">What was recorded.</param>
    /// <param name="remedy">The way out for the user where it differs.</param>
    /// <exception cref="FuseMixException">It is another one; the message names the file.</exception>
    public static void Require(string path, Fingerprint actual, Fingerprint expected, string? remedy)
    {
        if (actual != expected)
            throw new FuseMixException(
                FailureKind.Corrupt,
                $"'{path}' was altered: its SHA-256 is {actual.Short}…, {expected.Short}… was recorded.",
                remedy);
    }
}
