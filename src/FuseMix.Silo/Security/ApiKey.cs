using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using FuseMix.Silo.Configuration;

namespace FuseMix.Silo.Security;

/// <summary>Keys of the HTTP API.</summary>
public static class ApiKey
{
    /// <summary>How keys begin, so that people and secret scanners know them for what they are.</summary>
    public const string Prefix = "fmx_";

    /// <summary>The longest key that is looked at, in characters.</summary>
    internal const int MaxLength = 512;

    private const int RandomBytes = 32;

    /// <summary>A new key: 256 random bits, written in letters, digits, '-' and '_'.</summary>
    public static string Create() => Prefix + Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(RandomBytes));

    /// <summary>What configurations keep of a key: 64 lower-case hexadecimal digits. A hash without salt will do where what is hashed
    /// cannot be guessed.</summary>
    public static string Sha256Of(string key) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(key)));
}

/// <summary>Every key that is let in.</summary>
internal sealed class ApiKeyRing
{
    private readonly (byte[] Hash, ApiKeyOptions Key)[] _keys;

    /// <param name="options">What is configured, valid.</param>
    public ApiKeyRing(HttpOptions options) =>
        _keys = [.. options.ApiKeys.Select(key => (Convert.FromHexString(key.Sha256), key))];

    /// <summary>Whether nobody needs a key, which is allowed only where nobody but this machine can reach the node.</summary>
    public bool IsEmpty => _keys.Length == 0;

    /// <summary>Whose key it is, or null. How long it takes tells nothing about the keys.</summary>
    public ApiKeyOptions? Find(string presented)
    {
        if (presented.Length > ApiKey.MaxLength) return null;
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(Encoding.UTF8.GetBytes(presented), hash);
        ApiKeyOptions? found = null;
        foreach (var (known, key) in _keys)
        {
            // All of them, whether one has been found or not.
            if (CryptographicOperations.FixedTimeEquals(known, hash)) found = key;
        }

        return found;
    }
}
