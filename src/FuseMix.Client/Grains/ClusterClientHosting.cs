using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Configuration;
using Orleans.Connections.Security;
using Orleans.Hosting;
using Orleans.Serialization;

namespace FuseMix.Client.Grains;

/// <summary>Makes a host an Orleans client of a FuseMix cluster. How nodes are found is Orleans' own to say: <c>UseLocalhostClustering</c>,
/// <c>UseAdoNetClustering</c> or <c>UseAzureStorageClustering</c>, as the nodes' configuration has it.</summary>
public static class ClusterClientHosting
{
    /// <summary>Nodes are reached by addresses that change, so the name in a certificate says nothing: its authority alone makes a
    /// member.</summary>
    private const string TargetHost = "fusemix-member";

    /// <summary>Says which cluster it is, lets the cluster's failures arrive as <see cref="FuseMixException"/>, and goes on with the
    /// caller's trace.</summary>
    /// <param name="client">The client.</param>
    /// <param name="clusterId">Name of the cluster, as its nodes have it.</param>
    /// <param name="serviceId">Name of the service, as its nodes have it.</param>
    public static IClientBuilder UseFuseMix(this IClientBuilder client, string clusterId = "fusemix", string serviceId = "fusemix")
    {
        client.Configure<ClusterOptions>(options => (options.ClusterId, options.ServiceId) = (clusterId, serviceId));
        client.Services.Configure<ExceptionSerializationOptions>(options => options.SupportedNamespacePrefixes.Add(nameof(FuseMix)));
        client.AddActivityPropagation();
        return client;
    }

    /// <summary>Enters a cluster whose nodes let members alone in.</summary>
    /// <param name="client">The client.</param>
    /// <param name="certificate">Gives the client's certificate with its private key; asked at each connection, so that it can be
    /// renewed.</param>
    /// <param name="authority">The cluster's authority: certificates that are signed by themselves, and those between them and the
    /// members'.</param>
    public static IClientBuilder UseMemberTls(
        this IClientBuilder client, Func<X509Certificate2> certificate, X509Certificate2Collection authority) =>
        client.UseTls(tls => BecomeMember(tls, certificate, authority));

    /// <summary>TLS with certificates on both sides: shows one's own, and takes those of the authority alone, whatever name they
    /// bear.</summary>
    internal static void BecomeMember(TlsOptions tls, Func<X509Certificate2> certificate, X509Certificate2Collection authority)
    {
        tls.LocalServerCertificateSelector = (_, _) => certificate();
        tls.LocalClientCertificateSelector = (_, _, _, _, _) => certificate();
        tls.RemoteCertificateMode = RemoteCertificateMode.RequireCertificate;

        // What this side shows. "Require" would have it fixed for good, rather than asked for at each connection.
        tls.ClientCertificateMode = RemoteCertificateMode.AllowCertificate;
        tls.OnAuthenticateAsClient = (_, session) => session.TargetHost = TargetHost;
        tls.RemoteCertificateValidation = (remote, _, errors) =>
            !errors.HasFlag(SslPolicyErrors.RemoteCertificateNotAvailable) && IsMember(remote, authority);
    }

    private static bool IsMember(X509Certificate2 certificate, X509Certificate2Collection authority)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        foreach (var known in authority)
        {
            var isRoot = known.SubjectName.RawData.AsSpan().SequenceEqual(known.IssuerName.RawData);
            (isRoot ? chain.ChainPolicy.CustomTrustStore : chain.ChainPolicy.ExtraStore).Add(known);
        }

        return chain.Build(certificate);
    }
}
