using System.Net;
using FuseMix.Silo;
using FuseMix.Silo.Configuration;
using FuseMix.Testing;

namespace FuseMix.Operations.Tests.Manifests;

/// <summary>What Kubernetes and Prometheus ask of a pod, asked of a node that needs API keys.</summary>
public sealed class ProbeTests
{
    [Fact]
    public async Task A_node_answers_every_probe_and_scrape_without_a_key()
    {
        var containers = Overlay.All.SelectMany(overlay => Overlay.Render(overlay.Data).Deployments).ToArray();
        var probes = containers.Select(deployment => deployment.Spec.Template.Spec.Containers.Single()).SelectMany(
            container => new[] { container.StartupProbe, container.ReadinessProbe, container.LivenessProbe });
        var paths = probes.Select(probe => probe.HttpGet.Path).Concat(
            containers.Select(deployment => deployment.Spec.Template.Metadata.Annotations["prometheus.io/path"])).Distinct().ToArray();
        Assert.Equal(["/health/live", "/health/ready", "/health/startup", "/metrics"], paths.Order());

        using var folder = new TemporaryFolder();
        var configuration = SiloConfiguration.Load([], settings:
        [
            new("FuseMix:Home", folder["home"]), new("FuseMix:Http:Port", "0"), new("FuseMix:Cluster:SiloPort", "0"),
            new("FuseMix:Cluster:GatewayPort", "0"),
            new("FuseMix:Shutdown:Drain", "00:00:00"),
            new("FuseMix:Http:ApiKeys:0:Name", "app"),
            new("FuseMix:Http:ApiKeys:0:Sha256", new string('a', 64)),
            new("FuseMix:Http:ApiKeys:0:Scopes", "read"),
        ]);
        await using var node = SiloHost.Build(configuration);
        await node.StartAsync(TestContext.Current.CancellationToken);
        using var client = new HttpClient { BaseAddress = new Uri(node.Urls.Single()) };
        Assert.Equal(
            HttpStatusCode.Unauthorized, (await client.GetAsync("/api/v1/cluster", TestContext.Current.CancellationToken)).StatusCode);
        foreach (var path in paths) Assert.Equal(
            (path, HttpStatusCode.OK), (path, (await client.GetAsync(path, TestContext.Current.CancellationToken)).StatusCode));
        await node.StopAsync(TestContext.Current.CancellationToken);
    }
}
