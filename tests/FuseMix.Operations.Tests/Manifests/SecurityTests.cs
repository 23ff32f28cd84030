using k8s.Models;

namespace FuseMix.Operations.Tests.Manifests;

/// <summary>What a pod may do, and who reaches it.</summary>
public sealed class SecurityTests
{
    public static TheoryData<string> Overlays => Overlay.All;

    [Theory]
    [MemberData(nameof(Overlays))]
    public void A_pod_may_do_no_more_than_it_must(string overlay)
    {
        var rendered = Overlay.Render(overlay);
        Assert.Equal("restricted", rendered.Of<V1Namespace>().Single().Metadata.Labels["pod-security.kubernetes.io/enforce"]);
        foreach (var pod in rendered.Deployments.Select(deployment => deployment.Spec.Template.Spec))
        {
            Assert.True(pod.SecurityContext.RunAsNonRoot);
            Assert.Equal("RuntimeDefault", pod.SecurityContext.SeccompProfile.Type);
            Assert.False(pod.AutomountServiceAccountToken);
            Assert.True(pod.HostNetwork is null && pod.HostPID is null && pod.HostIPC is null);
            foreach (var container in (pod.InitContainers ?? []).Concat(pod.Containers))
            {
                Assert.False(container.SecurityContext.AllowPrivilegeEscalation);
                Assert.True(container.SecurityContext.ReadOnlyRootFilesystem);
                Assert.Equal(["ALL"], container.SecurityContext.Capabilities.Drop);
                Assert.Null(container.SecurityContext.Capabilities.Add);
                Assert.All(container.Ports ?? [], port => Assert.Null(port.HostPort));
                Assert.True(container.Resources.Requests.ContainsKey("cpu") && container.Resources.Requests.ContainsKey("memory"));
                Assert.True(container.Resources.Limits.ContainsKey("memory"));
            }
        }
    }

    [Theory]
    [MemberData(nameof(Overlays))]
    public void Only_http_of_gateways_is_reached_from_outside(string overlay)
    {
        var rendered = Overlay.Render(overlay);
        var service = Assert.Single(rendered.Of<V1Service>());
        Assert.Equal("ClusterIP", service.Spec.Type);
        Assert.Equal(["http"], service.Spec.Ports.Select(port => port.TargetPort.Value));

        var policies = rendered.Of<V1NetworkPolicy>();
        var deny = Assert.Single(policies, policy => policy.Spec.Ingress is null && policy.Spec.Egress is null);
        Assert.Null(deny.Spec.PodSelector.MatchLabels);
        Assert.Equal(["Ingress", "Egress"], deny.Spec.PolicyTypes);

        foreach (var (policy, rule) in policies.SelectMany(policy => (policy.Spec.Ingress ?? []).Select(rule => (policy, rule))))
        {
            // A rule without peers lets everybody in, one without ports in everywhere.
            var ports = rule.Ports.Select(port => port.Port.Value).ToArray();
            Assert.NotEmpty(ports);
            if (rule.FromProperty is null) Assert.Equal(["http"], ports);
            else if (ports.Except(["http"]).Any())
            {
                Assert.All(
                    rule.FromProperty,
                    peer => Assert.True(
                        peer.NamespaceSelector is null && peer.IpBlock is null && peer.PodSelector.MatchLabels.Count > 0,
                        policy.Metadata.Name));
            }
        }

        Assert.All(policies.SelectMany(policy => policy.Spec.Egress ?? []), rule => Assert.NotEmpty(rule.Ports));
    }
}
