using System.Net;
using System.Security.Cryptography.X509Certificates;
using FuseMix.Hosting.Security;
using FuseMix.Silo.Configuration;
using FuseMix.Testing;
using Microsoft.Extensions.Logging.Abstractions;

namespace FuseMix.Silo.Tests.Security;

public sealed class ServerCertificateTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly ManualTimeProvider _clock = new();

    private string Pem => Path.Combine(_folder.Path, "tls.crt");

    private string Key => Path.Combine(_folder.Path, "tls.key");

    [Fact]
    public async Task A_node_with_a_certificate_talks_TLS_over_either_version_of_HTTP()
    {
        WritePem("CN=first");
        await using var node = await StartedNode.StartAsync(
            new HttpOptions { Certificate = new CertificateOptions { Path = Pem, KeyPath = Key } });
        Assert.Equal("https", node.Address.Scheme);
        foreach (var version in (Version[])[HttpVersion.Version11, HttpVersion.Version20])
        {
            X509Certificate2? seen = null;
            using var handler = new HttpClientHandler();
            handler.ServerCertificateCustomValidationCallback = (_, certificate, _, _) =>
            {
                seen = certificate;
                return true;
            };
            var client = node.Client(handler: handler);
            using var request = new HttpRequestMessage(HttpMethod.Get, "/api/v1/cluster")
            {
                Version = version,
                VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            };
            using var response = await client.SendAsync(request, TestContext.Current.CancellationToken);
            Assert.Equal((HttpStatusCode.OK, version), (response.StatusCode, response.Version));
            Assert.Equal("CN=first", seen?.Subject);
        }
    }

    [Fact]
    public void A_renewed_certificate_is_taken_a_little_later_without_a_restart()
    {
        WritePem("CN=first");
        var certificate = Certificate(new CertificateOptions { Path = Pem, KeyPath = Key });
        Assert.Equal("CN=first", certificate.Current.TargetCertificate.Subject);
        WritePem("CN=second");
        Assert.Equal("CN=first", certificate.Current.TargetCertificate.Subject);
        _clock.Advance(RenewedCertificate.LookEvery);
        Assert.Equal("CN=second", certificate.Current.TargetCertificate.Subject);
    }

    [Fact]
    public void Half_of_a_renewal_leaves_the_old_certificate_until_the_other_half_is_there()
    {
        WritePem("CN=first");
        var certificate = Certificate(new CertificateOptions { Path = Pem, KeyPath = Key });
        _ = certificate.Current;
        var key = File.ReadAllText(Key);
        WritePem("CN=second");
        var renewedKey = File.ReadAllText(Key);
        foreach (var wrong in (string[])[key, "no key", ""])
        {
            File.WriteAllText(Key, wrong);
            _clock.Advance(RenewedCertificate.LookEvery);
            Assert.Equal("CN=first", certificate.Current.TargetCertificate.Subject);
        }

        File.Delete(Key);
        _clock.Advance(RenewedCertificate.LookEvery);
        Assert.Equal("CN=first", certificate.Current.TargetCertificate.Subject);
        File.WriteAllText(Key, renewedKey);
        _clock.Advance(RenewedCertificate.LookEvery);
        Assert.Equal("CN=second", certificate.Current.TargetCertificate.Subject);
    }

    [Fact]
    public void A_chain_in_the_file_is_shown_too()
    {
        using var authority = TestCertificates.SelfSigned("CN=authority", isAuthority: true);
        using var between = TestCertificates.Signed("CN=between", authority, isAuthority: true);
        using var leaf = TestCertificates.Signed("CN=leaf", between, isAuthority: false);
        File.WriteAllText(Pem, $"{leaf.ExportCertificatePem()}\n{between.ExportCertificatePem()}\n");
        File.WriteAllText(Key, leaf.KeyPem());
        var context = Certificate(new CertificateOptions { Path = Pem, KeyPath = Key }).Current;
        Assert.Equal("CN=leaf", context.TargetCertificate.Subject);
        Assert.Contains("CN=between", context.IntermediateCertificates.Select(certificate => certificate.Subject));
    }

    [Fact]
    public void A_PKCS12_file_will_do()
    {
        var path = Path.Combine(_folder.Path, "tls.pfx");
        using var made = TestCertificates.SelfSigned("CN=packed", isAuthority: false);
        File.WriteAllBytes(path, made.Export(X509ContentType.Pkcs12, "secret"));
        Assert.Equal(
            "CN=packed", Certificate(new CertificateOptions { Path = path, Password = "secret" }).Current.TargetCertificate.Subject);
    }

    [Fact]
    public void A_certificate_that_cannot_be_used_is_refused_at_the_start()
    {
        var failure = Assert.Throws<FuseMixException>(() => Certificate(new CertificateOptions { Path = Pem }).Start());
        Assert.Contains(Pem, failure.Message, StringComparison.Ordinal);
    }

    public void Dispose() => _folder.Dispose();

    private RenewedCertificate Certificate(CertificateOptions options) =>
        new(options, "FuseMix:Http:Certificate", _clock, NullLogger<RenewedCertificate>.Instance);

    private void WritePem(string subject)
    {
        using var certificate = TestCertificates.SelfSigned(subject, isAuthority: false);
        File.WriteAllText(Pem, certificate.ExportCertificatePem());
        File.WriteAllText(Key, certificate.KeyPem());
    }
}
