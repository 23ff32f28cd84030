namespace FuseMix.Silo.Uploads;

/// <summary>How much may come in one tar.</summary>
/// <param name="Bytes">Most bytes of all files together.</param>
/// <param name="Entries">Most files and folders.</param>
internal sealed record TarLimits(long Bytes, int Entries)
{
    /// <summary>Most characters of a path within the tar.</summary>
    public const int PathLength = 1024;

    /// <summary>Most folders within folders.</summary>
    public const int Depth = 32;

    /// <summary>Most bytes that a tar may say of one entry beside its content: long names and the like, which are read into
    /// memory.</summary>
    public const int MetadataBytes = 64 << 10;
}
