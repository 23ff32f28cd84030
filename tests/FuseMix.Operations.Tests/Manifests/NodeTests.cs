using FuseMix.Contracts.Cluster;
using FuseMix.Hosting.Configuration;
using FuseMix.Silo;
using k8s.Models;

namespace FuseMix.Operations.Tests.Manifests;

/// <summary>What manifests promise has to fit what the nodes in them do.</summary>
public sealed class NodeTests
{
    public static TheoryData<string> Overlays => Overlay.All;

    [Theory]
    [MemberData(nameof(Overlays))]
    public void Every_container_has_a_configuration_that_the_silo_takes(string overlay)
    {
        var rendered = Overlay.Render(overlay);
        foreach (var deployment in rendered.Deployments)
        {
            var pod = deployment.Spec.Template.Spec;
            var node = NodeOfDeployment.Of(rendered, deployment, pod.Containers.Single());
            Assert.Equal(SiloAct.Serve, node.Act);
            Assert.Equal("0.0.0.0", node.Configuration.Http.Address);
            Assert.Equal("home", pod.Containers.Single().VolumeMounts.Single(mount => mount.MountPath == node.Configuration.Home).Name);
            Assert.StartsWith(deployment.Metadata.Name, node.Configuration.Node.Name, StringComparison.Ordinal);
            Assert.Equal(pod.Containers.Single().Resources.Requests["cpu"].ToDecimal(), node.Configuration.Node.Threads);
            foreach (var container in pod.InitContainers ?? [])
            {
                var before = NodeOfDeployment.Of(rendered, deployment, container);
                Assert.Equal(SiloAct.CreateSchema, before.Act);
                Assert.Equal(
                    (node.Configuration.Cluster.Kind, node.Configuration.Cluster.ConnectionString),
                    (before.Configuration.Cluster.Kind, before.Configuration.Cluster.ConnectionString));
                Assert.Equal(pod.Containers.Single().Image, container.Image);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Overlays))]
    public void Ports_are_those_on_which_nodes_listen(string overlay)
    {
        var rendered = Overlay.Render(overlay);
        foreach (var deployment in rendered.Deployments)
        {
            var node = NodeOfDeployment.Of(rendered, deployment);
            var expected = new Dictionary<string, int> { ["http"] = node.Http.Port };
            if (node.Cluster.Kind != ClusteringKind.Local) expected["silo"] = node.Cluster.SiloPort;
            if (node.Cluster.Kind != ClusteringKind.Local && node.Node.Roles.Contains(NodeRoles.Gateway))
                expected["orleans"] = node.Cluster.GatewayPort;
            var template = deployment.Spec.Template;
            Assert.Equal(
                expected.OrderBy(port => port.Key),
                template.Spec.Containers.Single().Ports.ToDictionary(port => port.Name, port => port.ContainerPort)
                    .OrderBy(port => port.Key));
            Assert.Equal($"{node.Http.Port}", template.Metadata.Annotations["prometheus.io/port"]);
        }
    }

    [Theory]
    [MemberData(nameof(Overlays))]
    public void Gateways_and_only_they_get_requests_from_outside(string overlay)
    {
        var rendered = Overlay.Render(overlay);
        var served = rendered.Selected(rendered.Of<V1Service>().Single().Spec.Selector);
        Assert.NotEmpty(served);
        Assert.All(
            rendered.Deployments,
            deployment => Assert.Equal(
                NodeOfDeployment.Of(rendered, deployment).Node.Roles.Contains(NodeRoles.Gateway), served.Contains(deployment)));
    }

    [Theory]
    [MemberData(nameof(Overlays))]
    public void Every_role_that_work_needs_is_there_and_nodes_of_a_cluster_agree(string overlay)
    {
        var rendered = Overlay.Render(overlay);
        var nodes = rendered.Deployments.Select(deployment => NodeOfDeployment.Of(rendered, deployment)).ToArray();
        var roles = nodes.SelectMany(node => node.Node.Roles).ToArray();
        Assert.All([NodeRoles.Gateway, NodeRoles.Extract, NodeRoles.Train, NodeRoles.Index], role => Assert.Contains(role, roles));
        Assert.Single(
            nodes.Select(node => (node.Cluster.Kind, node.Cluster.ClusterId, node.Cluster.ServiceId, node.Node.ShardReplicas)).Distinct());
        if (nodes.Length > 1 || rendered.Deployments.Single().Spec.Replicas > 1)
        {
            Assert.All(nodes, node => Assert.NotEqual(ClusteringKind.Local, node.Cluster.Kind));
            Assert.All(nodes, node => Assert.NotNull(node.Cluster.AdvertisedAddress));
            Assert.Equal(["ReadWriteMany"], rendered.Of<V1PersistentVolumeClaim>().Single().Spec.AccessModes);
        }
    }

    [Theory]
    [MemberData(nameof(Overlays))]
    public void A_pod_has_more_time_to_end_than_its_node_takes(string overlay)
    {
        var rendered = Overlay.Render(overlay);
        foreach (var deployment in rendered.Deployments)
        {
            var shutdown = NodeOfDeployment.Of(rendered, deployment).Shutdown;
            Assert.True(TimeSpan.FromSeconds(deployment.Spec.Template.Spec.TerminationGracePeriodSeconds!.Value) >= shutdown.Timeout + shutdown.Drain, deployment.Metadata.Name);
        }
    }

    [Theory]
    [MemberData(nameof(Overlays))]
    public void A_pod_that_leaves_is_not_ready_before_it_stops_serving(string overlay)
    {
        var rendered = Overlay.Render(overlay);
        foreach (var deployment in
            rendered.Selected(rendered.Of<V1Service>().Single().Spec.Selector).Where(deployment => deployment.Spec.Replicas > 1))
        {
            // Kubernetes takes a pod that is told to end out of its Service at once; others that balance load see it by the probe.
            var probe = deployment.Spec.Template.Spec.Containers.Single().ReadinessProbe;
            Assert.True(
                NodeOfDeployment.Of(rendered, deployment).Shutdown.Drain >= TimeSpan.FromSeconds(
                    probe.PeriodSeconds!.Value * probe.FailureThreshold!.Value));
        }
    }

    [Theory]
    [MemberData(nameof(Overlays))]
    public void No_shard_and_no_gateway_is_lost_when_machines_are_drained_or_nodes_renewed(string overlay)
    {
        var rendered = Overlay.Render(overlay);
        foreach (var deployment in rendered.Deployments.Where(deployment => deployment.Spec.Replicas > 1))
        {
            var (node, budget) = (NodeOfDeployment.Of(rendered, deployment), BudgetOf(deployment));
            if (!node.Node.Roles.Contains(NodeRoles.Gateway) && !node.Node.Roles.Contains(NodeRoles.Index)) continue;
            // Not minAvailable, which would let more of them go the more there are.
            Assert.Null(budget!.Spec.MinAvailable);
            Assert.InRange(
                int.Parse(budget.Spec.MaxUnavailable.Value), 1, Math.Min(deployment.Spec.Replicas!.Value, node.Node.ShardReplicas) - 1);
            Assert.Equal("RollingUpdate", deployment.Spec.Strategy.Type);
            Assert.Equal("0", deployment.Spec.Strategy.RollingUpdate.MaxUnavailable.Value);
            Assert.NotEmpty(deployment.Spec.Template.Spec.TopologySpreadConstraints);
        }

        // A budget over the only pod would keep its machine from ever being drained.
        Assert.All(
            rendered.Deployments.Where(deployment => deployment.Spec.Replicas == 1), deployment => Assert.Null(BudgetOf(deployment)));

        V1PodDisruptionBudget? BudgetOf(V1Deployment deployment) =>
            rendered.Of<V1PodDisruptionBudget>().SingleOrDefault(budget => rendered.Selected(budget.Spec.Selector).Contains(deployment));
    }

    [Theory]
    [MemberData(nameof(Overlays))]
    public void The_trainer_and_a_node_alone_never_meet_their_successor(string overlay)
    {
        var rendered = Overlay.Render(overlay);
        var trainer = Assert.Single(
            rendered.Deployments, deployment => NodeOfDeployment.Of(rendered, deployment).Node.Roles.Contains(NodeRoles.Train));
        Assert.Equal(1, trainer.Spec.Replicas);
        Assert.Equal("Recreate", trainer.Spec.Strategy.Type);
        Assert.Null(trainer.Spec.Strategy.RollingUpdate);
    }

    [Theory]
    [MemberData(nameof(Overlays))]
    public void A_gpu_goes_to_nodes_that_say_so_and_to_no_others(string overlay)
    {
        var rendered = Overlay.Render(overlay);
        foreach (var deployment in rendered.Deployments)
        {
            var pod = deployment.Spec.Template.Spec;
            var says = NodeOfDeployment.Of(rendered, deployment).Node.Accelerators.Contains(Accelerators.Cuda);
            Assert.Equal(says, pod.Containers.Single().Resources.Limits.ContainsKey("nvidia.com/gpu"));
            Assert.Equal(says, pod.Containers.Single().Image.EndsWith("-gpu", StringComparison.Ordinal));
            Assert.Equal(says, pod.Tolerations?.Any(toleration => toleration.Key == "nvidia.com/gpu") ?? false);
            Assert.Equal(says, pod.NodeSelector?.ContainsKey("nvidia.com/gpu.present") ?? false);
        }
    }

    [Fact]
    public void The_small_cluster_asks_for_one_gpu_in_all()
    {
        var gpus = Overlay.Render("small-cluster").Deployments
            .Select(deployment => deployment.Spec.Replicas!.Value * (deployment.Spec.Template.Spec.Containers.Single().Resources.Limits.TryGetValue("nvidia.com/gpu", out var gpu) ? gpu.ToInt32() : 0));
        Assert.Equal(1, gpus.Sum());
    }
}
