using FuseMix.Contracts.Cluster;

namespace FuseMix.Cli.Tests.Status;

public sealed class StatusCommandTests
{
    [Fact]
    public async Task Nodes_jobs_and_contents_are_told()
    {
        var result = await Tester().Run("status");
        Assert.Equal(0, result.Code);
        foreach (var expected in (string[])["Nodes (Embedded runtime)", "local", "gateway, extract", "train emoji-small", "2 / 3", "loss 3.000", "emoji × use-lite: 1,911 of 512 dimensions", "collection   emoji"])
            Assert.Contains(expected, result.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Json_has_the_same()
    {
        var json = (await Tester().Run("status", "--json")).Json;
        Assert.Equal("local", json.GetProperty("cluster").GetProperty("nodes")[0].GetProperty("name").GetString());
        Assert.Equal("running", json.GetProperty("trainings")[0].GetProperty("state").GetString());
        Assert.Equal("use-lite", json.GetProperty("models")[0].GetProperty("encoders").GetProperty("text").GetString());
    }

    [Fact]
    public async Task A_cluster_that_does_not_answer_is_said_to_be_silent()
    {
        var result = await new CliTester { Grains = FakeGrains.Create(new FakeCatalog(), new SilentCluster(), new FakeTrainer()), Home = TestHome.Path }.Run("status");
        Assert.Equal(1, result.Code);
        Assert.StartsWith("The cluster did not answer in time.", result.Error, StringComparison.Ordinal);
    }

    private static CliTester Tester() => new() { Grains = FakeGrains.Create(new FakeCatalog(), new FakeCluster(), new FakeTrainer()), Home = TestHome.Path };

    private sealed class FakeCluster : IClusterGrain
    {
        public Task<ClusterStatus> Status() => Task.FromResult(new ClusterStatus("Embedded", [new NodeStatus("local", ["gateway", "extract"], [], "Active")]));
    }

    private sealed class SilentCluster : IClusterGrain
    {
        public Task<ClusterStatus> Status() => throw new TimeoutException("Response did not arrive on time in 00:00:30");
    }
}
