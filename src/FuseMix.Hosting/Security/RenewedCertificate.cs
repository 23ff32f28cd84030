using System.Net.Security;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging;

namespace FuseMix.Hosting.Security;

/// <summary>The certificate of a node, read again when its files have changed, so that it can be renewed without a restart.</summary>
/// <remarks>It is the content that is compared: orchestrators swap links, which neither time stamps nor watchers show everywhere.</remarks>
/// <param name="options">Where it lies.</param>
/// <param name="section">Where the options stand in the configuration, e.g. <c>FuseMix:Http:Certificate</c>.</param>
/// <param name="clock">Decides when to look again.</param>
/// <param name="logger">Where a renewal is told, or why there is none.</param>
public sealed partial class RenewedCertificate(
    CertificateOptions options, string section, TimeProvider clock, ILogger<RenewedCertificate> logger)
{
    /// <summary>How long a certificate is used before its files are looked at again.</summary>
    public static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(10);

    private readonly Lock _gate = new();
    private Loaded? _current;

    /// <summary>Reads the certificate for the first time.</summary>
    /// <exception cref="FuseMixException">It cannot be used.</exception>
    public RenewedCertificate Start()
    {
        _ = Current;
        return this;
    }

    /// <summary>What to show to whoever connects now, with the certificates in between it and the authority.</summary>
    public SslStreamCertificateContext Current
    {
        get
        {
            lock (_gate)
            {
                if (_current is { } known && clock.GetElapsedTime(known.LookedAt) < LookEvery) return known.Context;
                return (_current = _current is null ? Load(ContentOf()) : Renewed(_current)).Context;
            }
        }
    }

    private Loaded Renewed(Loaded known)
    {
        known = known with { LookedAt = clock.GetTimestamp() };
        try
        {
            var content = ContentOf();
            if (content == known.Content) return known;
            var renewed = Load(content);
            LogRenewed(renewed.Context.TargetCertificate.Subject, renewed.Context.TargetCertificate.NotAfter);
            return renewed;
        }
        catch (Exception failure) when (failure is FuseMixException or IOException or UnauthorizedAccessException)
        {
            // Half of a renewal may be written. The old certificate goes on until the new one is whole.
            LogNotRenewed(failure.Message);
            return known;
        }
    }

    private Loaded Load(string content)
    {
        var leaf = options.Load(section)!;
        return new Loaded(SslStreamCertificateContext.Create(leaf, options.LoadChain(), offline: true), content, clock.GetTimestamp());
    }

    private string ContentOf()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var path in (string?[])[options.Path, options.KeyPath])
        {
            if (path is not null && File.Exists(path)) hash.AppendData(File.ReadAllBytes(path));
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    [LoggerMessage(4111, LogLevel.Information, "The certificate is now {Subject}, valid until {NotAfter}")]
    private partial void LogRenewed(string subject, DateTime notAfter);

    [LoggerMessage(4112, LogLevel.Warning, "The certificate's files have changed, but cannot be used; the old certificate goes on. "
        + "{Error}")]
    private partial void LogNotRenewed(string error);

    private sealed record Loaded(SslStreamCertificateContext Context, string Content, long LookedAt);
}
