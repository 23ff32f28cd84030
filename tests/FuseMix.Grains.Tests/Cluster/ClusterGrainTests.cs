using FuseMix.Grains.Tests.Clusters;
using FuseMix.Testing.Clusters;

namespace FuseMix.Grains.Tests.Cluster;

public sealed class ClusterGrainTests
{
    [Fact]
    public async Task Every_node_is_listed_with_its_roles_and_its_state()
    {
        using var home = TestHome.Create();
        await using var cluster = await TestCluster.StartAsync(home, ["gateway@front", "train+index@worker", "extract@gone"]);
        await cluster.KillAsync("extract@gone");
        var status = await Patience.Until(() => cluster.Nodes.Status(), status => status.Nodes.Any(node => node.State == "Dead"));

        Assert.Equal(
            [("front", "gateway", "Active"), ("gone", "extract", "Dead"), ("worker", "train+index", "Active")],
            status.Nodes.Select(node => (node.Name, string.Join('+', node.Roles), node.State)));
    }
}
