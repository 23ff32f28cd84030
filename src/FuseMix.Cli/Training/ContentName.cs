namespace FuseMix.Cli.Training;

/// <summary>Names for jobs and models that follow from what goes into them: the same work has the same name, and is recognised.</summary>
internal static class ContentName
{
    /// <summary>Twelve hexadecimal digits over all parts, in their order.</summary>
    public static string Of(params IEnumerable<string> parts) =>
        // Lengths keep "ab" + "c" from meaning the same as "a" + "bc".
        Fingerprint.Of(string.Concat(parts.Select(p => $"{p.Length}:{p};"))).Hex[..12];
}
