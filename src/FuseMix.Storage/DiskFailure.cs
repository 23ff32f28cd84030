namespace FuseMix.Storage;

/// <summary>Tells the failures of a disk that a user can do something about from all others.</summary>
public static class DiskFailure
{
    // On Unix the HResult of an IOException is the errno; on Windows the low word is the Win32 code.
    private const int NoSpace = 28;
    private const int Quota = 122;
    private const int ReadOnly = 30;
    private const int WindowsDiskFull = unchecked((int)0x80070070);

    /// <summary>The failure in a user's words, or null where <paramref name="error"/> is something else.</summary>
    /// <param name="error">What went wrong.</param>
    /// <param name="path">What was being written, for the message.</param>
    public static FuseMixException? Of(Exception error, string path) => error switch
    {
        UnauthorizedAccessException => NotWritable(path, error),
        IOException { HResult: ReadOnly } => NotWritable(path, error),
        IOException { HResult: NoSpace or Quota or WindowsDiskFull } => new FuseMixException(
            FailureKind.Unavailable,
            $"The disk is full: '{path}' could not be written.",
            "Free some space and run the command again; what was finished is kept.",
            error),
        _ => null,
    };

    private static FuseMixException NotWritable(string path, Exception error) => new(
        FailureKind.Unavailable,
        $"'{path}' cannot be written: {error.Message}",
        "Give this user the right to write there, or choose another home folder with --home or FUSEMIX_HOME.",
        error);
}
