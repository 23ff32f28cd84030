using System.Text;

namespace FuseMix.Data.Datasets;

/// <summary>Reads texts that users wrote: UTF-8 with or without a byte order mark, and nothing that is not.</summary>
internal static class Utf8Text
{
    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <exception cref="DecoderFallbackException">It is not UTF-8. File.ReadAllText would take two bytes at the start for
    /// UTF-16.</exception>
    public static string Read(string path)
    {
        var bytes = File.ReadAllBytes(path).AsSpan();
        return Strict.GetString(bytes.StartsWith(Encoding.UTF8.Preamble) ? bytes[Encoding.UTF8.Preamble.Length..] : bytes);
    }
}
