using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using FuseMix.Hosting.Configuration;

namespace FuseMix.Hosting.Security;

/// <summary>A certificate for TLS: a PEM file with its key in another (or the same), or a PKCS #12 file.</summary>
public class CertificateOptions
{
    /// <summary>The file: PEM where its name ends in .pem, .crt or .cer, else PKCS #12; null for no TLS.</summary>
    public string? Path { get; set; }

    /// <summary>The PEM file of the private key; null where it stands in <see cref="Path"/>.</summary>
    public string? KeyPath { get; set; }

    /// <summary>What the private key is encrypted with; null where it is not.</summary>
    public string? Password { get; set; }

    private bool IsPem => System.IO.Path.GetExtension(Path)?.ToLowerInvariant() is ".pem" or ".crt" or ".cer";

    /// <summary>Reads the certificate with its private key; null where there is none to read.</summary>
    /// <param name="section">Where these options stand in a configuration, e.g. <c>FuseMix:Http:Certificate</c>: failures name its
    /// keys.</param>
    /// <exception cref="FuseMixException">A file is missing, is no certificate, or does not open with the password.</exception>
    public X509Certificate2? Load(string section)
    {
        if (Path is null) return null;
        RequireFile($"{section}:Path", Path);
        if (KeyPath is not null) RequireFile($"{section}:KeyPath", KeyPath);
        try
        {
            if (!IsPem) return X509CertificateLoader.LoadPkcs12FromFile(Path, Password);
            return Password is null
                ? X509Certificate2.CreateFromPemFile(Path, KeyPath)
                : X509Certificate2.CreateFromEncryptedPemFile(Path, Password, KeyPath);
        }
        catch (Exception failure) when (failure is CryptographicException or ArgumentException or IOException
            or UnauthorizedAccessException)
        {
            throw new FuseMixException(
                FailureKind.Invalid,
                $"{section} cannot be read from '{Path}': {failure.Message}",
                "Give a PEM file with the private key in KeyPath, or a PKCS #12 file, and the Password where the key is encrypted.",
                failure);
        }
    }

    /// <summary>The other certificates of the file: those between the node's own and the authority.</summary>
    internal X509Certificate2Collection LoadChain()
    {
        var chain = new X509Certificate2Collection();
        if (IsPem) chain.ImportFromPemFile(Path!);
        else chain.AddRange(X509CertificateLoader.LoadPkcs12CollectionFromFile(Path!, Password));
        return chain;
    }

    /// <summary>Notes what cannot be.</summary>
    public void Validate(ConfigurationProblems problems, string section)
    {
        if (Path is null && (KeyPath ?? Password) is not null)
            problems.Add($"{section}:Path", "is not set, but its KeyPath or Password is; name the certificate's file");
    }

    /// <exception cref="FuseMixException">The file is not there.</exception>
    protected static void RequireFile(string key, string path)
    {
        if (!File.Exists(path)) throw new FuseMixException(
            FailureKind.NotFound, $"{key} is '{path}', which is not there.", "Put the file there, or remove the key for plain text.");
    }
}
