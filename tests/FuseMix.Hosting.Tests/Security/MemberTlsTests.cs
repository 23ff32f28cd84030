using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using FuseMix.Client.Grains;
using FuseMix.Contracts.Cluster;
using FuseMix.Grains.Cluster;
using FuseMix.Hosting.Configuration;
using FuseMix.Hosting.Security;
using FuseMix.Testing;
using FuseMix.Testing.Clusters;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Orleans;
using Orleans.Configuration;
using Orleans.Hosting;

namespace FuseMix.Hosting.Tests.Security;

/// <summary>Nodes and Orleans clients with certificates of one authority among strangers.</summary>
public sealed class MemberTlsTests : IDisposable
{
    private readonly TestHome _home = TestHome.Create();
    private readonly TemporaryFolder _folder = new();
    private readonly X509Certificate2 _authority = TestCertificates.SelfSigned("CN=authority", isAuthority: true);
    private readonly X509Certificate2 _stranger = TestCertificates.SelfSigned("CN=authority", isAuthority: true);

    public void Dispose()
    {
        _home.Dispose();
        _folder.Dispose();
        _authority.Dispose();
        _stranger.Dispose();
    }

    [Fact]
    public async Task Members_make_a_cluster_and_let_a_member_in_as_a_client()
    {
        var first = Configure("first", _authority);
        await using var node = await Start(first);
        var second = Configure("second", _authority);
        second.Cluster.PrimarySiloPort = first.Cluster.SiloPort;
        await using var joined = await Start(second);
        await Patience.Until(
            () => joined.Services.GetRequiredService<IGrainFactory>().GetGrain<IClusterGrain>(0).Status(),
            status => status.Nodes.Count(n => n.State == "Active") == 2);

        using var certificate = TestCertificates.Signed("CN=client", _authority, isAuthority: false);
        Assert.Equal(2, await AskAsClient(first, client => client.UseMemberTls(() => certificate, [_authority])));
    }

    [Fact]
    public async Task A_client_that_is_no_member_is_refused()
    {
        var configuration = Configure("node", _authority);
        await using var node = await Start(configuration);
        using var foreign = TestCertificates.Signed("CN=client", _stranger, isAuthority: false);
        await Task.WhenAll(
            Assert.ThrowsAnyAsync<Exception>(() => AskAsClient(configuration, client => client.UseMemberTls(() => foreign, [_authority]))),
            Assert.ThrowsAnyAsync<Exception>(() => AskAsClient(configuration, client => client)));

        // What was refused is who they are: a member is served at the same gateway.
        using var member = TestCertificates.Signed("CN=client", _authority, isAuthority: false);
        Assert.Equal(1, await AskAsClient(configuration, client => client.UseMemberTls(() => member, [_authority])));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Whoever_shows_no_certificate_is_told_nothing(bool byPortOfNodes)
    {
        var configuration = Configure("node", _authority);
        await using var node = await Start(configuration);
        using var socket = new TcpClient();
        await socket.ConnectAsync(
            IPAddress.Loopback,
            byPortOfNodes ? configuration.Cluster.SiloPort : configuration.Cluster.GatewayPort,
            TestContext.Current.CancellationToken);
        await using var session = new SslStream(socket.GetStream(), leaveInnerStreamOpen: false, (_, _, _, _) => true);
        var buffer = new byte[16];
        int? read = null;
        try
        {
            // With TLS 1.3 the refusal comes after the client's side of the handshake.
            await session.AuthenticateAsClientAsync("fusemix-member");
            read = await session.ReadAsync(buffer, TestContext.Current.CancellationToken).AsTask().WaitAsync(
                Patience.Long, TestContext.Current.CancellationToken);
        }
        catch (Exception refusal) when (refusal is IOException or AuthenticationException)
        {
            read = 0;
        }

        Assert.Equal(0, read);
    }

    [Fact]
    public async Task A_node_of_another_authority_does_not_get_in()
    {
        var first = Configure("first", _authority);
        await using var node = await Start(first);
        var second = Configure("second", _stranger);
        second.Cluster.PrimarySiloPort = first.Cluster.SiloPort;
        await Assert.ThrowsAnyAsync<Exception>(async () =>
        {
            using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(10));
            await using var joined = await Start(second, patience.Token);
        });
        var nodes = (await node.Services.GetRequiredService<IGrainFactory>().GetGrain<IClusterGrain>(0).Status()).Nodes;
        Assert.Equal("first", Assert.Single(nodes, n => n.State == "Active").Name);
    }

    [Theory]
    [InlineData("Path")]
    [InlineData("KeyPath")]
    [InlineData("Authority")]
    public async Task A_file_that_is_not_there_is_named_before_anything_starts(string key)
    {
        var configuration = Configure("node", _authority);
        typeof(MemberCertificateOptions).GetProperty(key)!.SetValue(configuration.Cluster.Certificate, _folder["nowhere.pem"]);
        var failure = await Assert.ThrowsAsync<FuseMixException>(() => Start(configuration));
        Assert.Equal(
            (FailureKind.NotFound, $"FuseMix:Cluster:Certificate:{key} is '{_folder["nowhere.pem"]}', which is not there."),
            (failure.Kind, failure.Message));
    }

    [Theory]
    [InlineData("a.pem", null, "FuseMix:Cluster:Certificate:Authority is not set")]
    [InlineData(null, "a.pem", "FuseMix:Cluster:Certificate:Path is not set")]
    public void A_certificate_without_its_authority_cannot_be(string? path, string? authority, string expected)
    {
        var configuration = new NodeConfiguration { Cluster = { Certificate = { Path = path, Authority = authority } } };
        var problems = new ConfigurationProblems();
        configuration.Validate(problems);
        Assert.Contains(expected, Assert.Throws<FuseMixException>(problems.ThrowIfAny).Message, StringComparison.Ordinal);
    }

    private NodeConfiguration Configure(string name, X509Certificate2 authority)
    {
        using var certificate = TestCertificates.Signed($"CN={name}", authority, isAuthority: false);
        string Write(string file, string content)
        {
            var path = _folder[$"{name}-{file}"];
            File.WriteAllText(path, content);
            return path;
        }

        return new NodeConfiguration
        {
            Home = _home.Home.Root,
            Node = new NodeOptions { Name = name, Threads = 1 },
            Cluster = new ClusteringOptions
            {
                SiloPort = Ports.Free(),
                GatewayPort = Ports.Free(),
                Certificate = new MemberCertificateOptions
                {
                    Path = Write("tls.crt", certificate.ExportCertificatePem()),
                    KeyPath = Write("tls.key", certificate.KeyPem()),
                    Authority = Write("ca.crt", authority.ExportCertificatePem()),
                },
            },
        };
    }

    private static async Task<Node> Start(NodeConfiguration configuration, CancellationToken cancellationToken = default)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        builder.UseOrleans(silo => silo.AddFuseMixNode(configuration));
        var host = builder.Build();
        try
        {
            await host.StartAsync(cancellationToken);
            return new Node(host);
        }
        catch
        {
            host.Dispose();
            throw;
        }
    }

    /// <returns>How many active nodes the client was told of.</returns>
    private static async Task<int> AskAsClient(NodeConfiguration configuration, Func<IClientBuilder, IClientBuilder> enter)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        builder.UseOrleansClient(client => enter(client.UseLocalhostClustering(configuration.Cluster.GatewayPort).UseFuseMix())
            .Configure<ConnectionOptions>(options => options.OpenConnectionTimeout = TimeSpan.FromSeconds(5)));
        using var host = builder.Build();

        // Orleans gives a gateway that refuses it five minutes to think better of it.
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(10));
        await host.StartAsync(patience.Token);
        try
        {
            var status = await host.Services.GetRequiredService<IClusterClient>().GetGrain<IClusterGrain>(0).Status();
            return status.Nodes.Count(n => n.State == "Active");
        }
        finally
        {
            await host.StopAsync();
        }
    }

    /// <summary>A node that leaves in order.</summary>
    private sealed class Node(IHost host) : IAsyncDisposable
    {
        public IServiceProvider Services => host.Services;

        public async ValueTask DisposeAsync()
        {
            await host.StopAsync();
            host.Dispose();
        }
    }
}
