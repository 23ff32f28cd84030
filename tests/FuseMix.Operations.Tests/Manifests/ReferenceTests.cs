using k8s.Models;

namespace FuseMix.Operations.Tests.Manifests;

/// <summary>What manifests name in each other has to be there.</summary>
public sealed class ReferenceTests
{
    public static TheoryData<string> Overlays => Overlay.All;

    [Theory]
    [MemberData(nameof(Overlays))]
    public void Selectors_match_the_pods_that_they_mean(string overlay)
    {
        var rendered = Overlay.Render(overlay);
        foreach (var deployment in rendered.Deployments)
        {
            Assert.Equal([deployment], rendered.Selected(deployment.Spec.Selector));
            Assert.All(
                deployment.Spec.Template.Spec.TopologySpreadConstraints ?? [],
                spread => Assert.Equal([deployment], rendered.Selected(spread.LabelSelector)));
        }

        Assert.All(
            rendered.Of<V1PodDisruptionBudget>(),
            budget => Assert.Equal(budget.Metadata.Name, Assert.Single(rendered.Selected(budget.Spec.Selector)).Metadata.Name));
        Assert.All(rendered.Of<V1Service>(), service => Assert.NotEmpty(rendered.Selected(service.Spec.Selector)));
        Assert.All(rendered.Of<V1NetworkPolicy>(), policy => Assert.NotEmpty(rendered.Selected(policy.Spec.PodSelector)));
    }

    [Theory]
    [MemberData(nameof(Overlays))]
    public void Named_ports_are_ports_of_the_containers(string overlay)
    {
        var rendered = Overlay.Render(overlay);
        foreach (var container in rendered.Deployments.Select(deployment => deployment.Spec.Template.Spec.Containers.Single()))
        {
            var ports = container.Ports.Select(port => port.Name).ToArray();
            Assert.Distinct(ports);
            Assert.Distinct(container.Ports.Select(port => port.ContainerPort));
            Assert.All(
                new[] { container.StartupProbe, container.ReadinessProbe, container.LivenessProbe },
                probe => Assert.Contains(probe.HttpGet.Port.Value, ports));
        }

        foreach (var service in rendered.Of<V1Service>())
            Assert.All(
                rendered.Selected(service.Spec.Selector),
                pods => Assert.All(service.Spec.Ports, port => Assert.Contains(port.TargetPort.Value, PortsOf(pods))));

        var inward = rendered.Of<V1NetworkPolicy>().SelectMany(
            policy => (policy.Spec.Ingress ?? []).SelectMany(rule => rule.Ports).Select(port => (policy, port)));
        Assert.All(
            inward,
            rule => Assert.All(
                rendered.Selected(rule.policy.Spec.PodSelector), pods => Assert.Contains(rule.port.Port.Value, PortsOf(pods))));

        static IEnumerable<string> PortsOf(V1Deployment deployment) =>
            deployment.Spec.Template.Spec.Containers.Single().Ports.Select(port => port.Name);
    }

    [Theory]
    [MemberData(nameof(Overlays))]
    public void Volumes_and_accounts_are_there(string overlay)
    {
        var rendered = Overlay.Render(overlay);
        foreach (var pod in rendered.Deployments.Select(deployment => deployment.Spec.Template.Spec))
        {
            Assert.Contains(pod.ServiceAccountName, rendered.Of<V1ServiceAccount>().Select(account => account.Metadata.Name));
            foreach (var volume in pod.Volumes)
            {
                if (volume.PersistentVolumeClaim is { } claim)
                    Assert.Contains(claim.ClaimName, rendered.Of<V1PersistentVolumeClaim>().Select(c => c.Metadata.Name));
                else if (volume.ConfigMap is { } map) Assert.Contains(map.Name, rendered.Of<V1ConfigMap>().Select(c => c.Metadata.Name));
                else if (volume.Secret is { } from)
                    Assert.Contains(from.SecretName, ExampleSecrets.All.Select(secret => secret.Metadata.Name));
                else Assert.NotNull(volume.EmptyDir);
            }

            foreach (var container in (pod.InitContainers ?? []).Concat(pod.Containers))
            {
                Assert.Distinct(container.VolumeMounts.Select(mount => mount.MountPath));
                foreach (var mount in container.VolumeMounts)
                {
                    var volume = Assert.Single(pod.Volumes, volume => volume.Name == mount.Name);
                    if (volume.ConfigMap is { } map)
                        Assert.Contains(mount.SubPath, rendered.Of<V1ConfigMap>().Single(c => c.Metadata.Name == map.Name).Data.Keys);
                }
            }
        }

        Assert.All(
            rendered.Deployments.SelectMany(d => d.Spec.Template.Spec.Containers).SelectMany(c => c.Env),
            variable => Assert.True(
                variable.Value is not null || variable.ValueFrom is { FieldRef: not null } or { ResourceFieldRef: not null },
                variable.Name));
    }
}
