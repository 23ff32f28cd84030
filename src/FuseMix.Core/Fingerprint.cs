using System.Security.Cryptography;
using System.Text;

namespace FuseMix.Core;

/// <summary>A SHA-256 over the content of a thing; another fingerprint is another thing.</summary>
/// <param name="Hex">64 lower-case hexadecimal digits.</param>
public readonly record struct Fingerprint(string Hex)
{
    /// <summary>The first 16 digits, for folder names and screens.</summary>
    public string Short => Hex[..16];

    /// <summary>The fingerprint of some bytes.</summary>
    public static Fingerprint Of(ReadOnlySpan<byte> content) => new(Convert.ToHexStringLower(SHA256.HashData(content)));

    /// <summary>The fingerprint of everything that is left in a stream.</summary>
    public static Fingerprint Of(Stream content) => new(Convert.ToHexStringLower(SHA256.HashData(content)));

    /// <summary>The fingerprint of a text in UTF-8.</summary>
    public static Fingerprint Of(string content) => Of(Encoding.UTF8.GetBytes(content));

    /// <inheritdoc/>
    public override string ToString() => Hex;
}
