namespace FuseMix.Storage;

/// <summary>SHA-256 over files.</summary>
public static class FileChecksum
{
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
            return Fingerprint.Of(stream);
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
    public static void Require(string path, Fingerprint expected, string? remedy = null)
    {
        var actual = Of(path);
        if (actual != expected)
            throw new FuseMixException(
                FailureKind.Corrupt,
                $"'{path}' was altered: its SHA-256 is {actual.Short}…, {expected.Short}… was recorded.",
                remedy);
    }
}
