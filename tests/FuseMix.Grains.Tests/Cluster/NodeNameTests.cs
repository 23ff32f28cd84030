using FuseMix.Contracts.Cluster;

namespace FuseMix.Grains.Tests.Cluster;

public sealed class NodeNameTests
{
    [Fact]
    public void A_name_carries_its_roles_and_back()
    {
        var name = NodeName.Create("host-1", [NodeRoles.Extract, NodeRoles.Index]);
        Assert.Equal("extract+index@host-1", name.ToString());
        var read = NodeName.Parse(name.ToString());
        Assert.Equal("host-1", read.Name);
        Assert.Equal(["extract", "index"], read.Roles);
        Assert.True(read.Has(NodeRoles.Index));
        Assert.False(read.Has(NodeRoles.Train));
    }

    [Fact]
    public void A_name_carries_its_accelerators_and_back()
    {
        var name = NodeName.Create("gpu-1", [NodeRoles.Extract, NodeRoles.Train], [Accelerators.Cuda]);
        Assert.Equal("extract+train/cuda@gpu-1", name.ToString());
        var read = NodeName.Parse(name.ToString());
        Assert.Equal(["extract", "train"], read.Roles);
        Assert.Equal(["cuda"], read.Accelerators);
        Assert.Equal("Did you mean 'cuda'?", Assert.Throws<FuseMixException>(() => NodeName.Create("x", NodeRoles.All, ["cude"])).Remedy);
    }

    [Fact]
    public void A_name_carries_the_nodes_own_slots_and_back()
    {
        var name = NodeName.Create("gpu-1", [NodeRoles.Train, NodeRoles.Extract], [Accelerators.Cuda], slots: 16);
        Assert.Equal("train+extract:16/cuda@gpu-1", name.ToString());
        var read = NodeName.Parse(name.ToString());
        Assert.Equal(("gpu-1", 16), (read.Name, read.Slots));
        Assert.Equal(["train", "extract"], read.Roles);
        Assert.Equal(["cuda"], read.Accelerators);
        Assert.Equal("train@gpu-2", NodeName.Create("gpu-2", [NodeRoles.Train], slots: 16).ToString());
        Assert.Equal([1, 1, 1], ((string[])["extract@a", "extract:0@a", "extract:x@a"]).Select(silo => NodeName.Parse(silo).Slots));
    }

    [Fact]
    public void A_silo_name_without_roles_has_them_all()
    {
        var name = NodeName.Parse("Silo_17");
        Assert.Equal("Silo_17", name.Name);
        Assert.Equal(NodeRoles.All, name.Roles);
    }

    [Fact]
    public void A_node_without_a_role_is_refused_and_told_the_roles()
    {
        var failure = Assert.Throws<FuseMixException>(() => NodeName.Create("host-1", []));
        Assert.Equal((FailureKind.Invalid, "Roles: gateway, extract, train, index, generate."), (failure.Kind, failure.Remedy));
    }

    [Fact]
    public void An_unknown_role_is_refused_with_the_nearest_one()
    {
        var failure = Assert.Throws<FuseMixException>(() => NodeName.Create("host-1", [NodeRoles.Extract, "indx"]));
        Assert.Equal((FailureKind.Invalid, "Did you mean 'index'?"), (failure.Kind, failure.Remedy));
    }

    [Theory]
    [InlineData("")]
    [InlineData("host@1")]
    [InlineData("a+b")]
    [InlineData("Host")]
    public void A_name_that_could_be_taken_for_roles_is_refused(string name) =>
        Assert.Equal(FailureKind.Invalid, Assert.Throws<FuseMixException>(() => NodeName.Create(name, NodeRoles.All)).Kind);
}
