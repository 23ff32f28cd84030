using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using FuseMix.Hosting.Configuration;

namespace FuseMix.Hosting.Security;

/// <summary>The certificate of a member of the cluster, and the authority that makes members: whoever has a certificate of that authority
/// is one, a node or an Orleans client, whatever name it bears.</summary>
public sealed class MemberCertificateOptions : CertificateOptions
{
    /// <summary>Where these options stand in a configuration.</summary>
    public const string Section = "FuseMix:Cluster:Certificate";

    /// <summary>A PEM file with the certificate of the authority that signs those of all members, and of no others; certificates between it
    /// and theirs may stand in it too.</summary>
    public string? Authority { get; set; }

    internal void Validate(ConfigurationProblems problems)
    {
        Validate(problems, Section);
        if (Path is not null && Authority is null)
            problems.Add(
                $"{Section}:Authority",
                "is not set; it names the PEM file of the authority that signs the certificates of all nodes and clients");
        if (Path is null && Authority is not null)
            problems.Add($"{Section}:Path", "is not set, but its Authority is; name the certificate's file");
    }

    /// <summary>Reads the certificates of the authority.</summary>
    /// <exception cref="FuseMixException">The file is missing or holds no certificate.</exception>
    internal X509Certificate2Collection LoadAuthority()
    {
        RequireFile($"{Section}:Authority", Authority!);
        var certificates = new X509Certificate2Collection();
        try
        {
            certificates.ImportFromPemFile(Authority!);
        }
        catch (Exception failure) when (failure is CryptographicException or IOException or UnauthorizedAccessException)
        {
            throw Unusable(failure.Message, failure);
        }

        return certificates.Count > 0 ? certificates : throw Unusable("it holds no certificate", null);

        FuseMixException Unusable(string reason, Exception? cause) => new(
            FailureKind.Invalid,
            $"{Section}:Authority cannot be read from '{Authority}': {reason}.",
            "Give the PEM file of the authority's own certificate.",
            cause);
    }
}
