namespace FuseMix.Core;

/// <summary>The encoders of one modality as they are named everywhere: one name, or several whose latents stand side by side,
/// "a+b".</summary>
public static class EncoderNames
{
    /// <summary>What stands between two names.</summary>
    public const char Separator = '+';

    /// <summary>The single names in a text, in their order, which is that of their latents.</summary>
    /// <param name="text">"a", or "a+b" for both (the paper's HTS-AT ⊕ Whisper, section 5.1).</param>
    /// <exception cref="FuseMixException">A name breaks the rule for names, or stands there twice.</exception>
    public static IReadOnlyList<string> Parse(string text)
    {
        string[] names = [.. text.Split(Separator).Select(name => ResourceName.Require(name, "encoder"))];
        var twice = names.GroupBy(name => name, StringComparer.Ordinal).FirstOrDefault(same => same.Count() > 1)?.Key;
        return twice is null
            ? names
            : throw new FuseMixException(
                FailureKind.Invalid, $"'{text}' names encoder '{twice}' twice.", "Name each encoder once, for example a+b.");
    }

    /// <summary>Several names as one.</summary>
    public static string Join(IEnumerable<string> names) => string.Join(Separator, names);

    /// <summary>The fingerprint of encoders side by side; that of a single one is its own.</summary>
    /// <param name="parts">Fingerprints in the order of the latents; at least one.</param>
    public static Fingerprint Join(IReadOnlyList<Fingerprint> parts) =>
        parts is [var only] ? only : Fingerprint.Of(string.Join(Separator, parts));
}
