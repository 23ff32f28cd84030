using FuseMix.Contracts;
using FuseMix.Contracts.Catalog;
using FuseMix.Contracts.Cluster;
using FuseMix.Contracts.Extraction;
using FuseMix.Grains.Cluster;
using FuseMix.Storage;
using FuseMix.Testing;
using FuseMix.Testing.Clusters;

namespace FuseMix.Hosting.Tests;

public sealed class LocalClusterTests
{
    [Fact]
    public async Task A_local_cluster_is_one_node_that_does_everything()
    {
        using var home = TestHome.Create();
        await using var cluster = await LocalCluster.StartAsync(home.Home, cancellationToken: TestContext.Current.CancellationToken);
        var node = Assert.Single((await cluster.Grains.GetGrain<IClusterGrain>(0).Status()).Nodes);
        Assert.Equal(("local", "Active"), (node.Name, node.State));
        Assert.Equal(NodeRoles.All, node.Roles);
        Assert.Equal(2, (await cluster.Grains.GetGrain<ICatalogGrain>(0).Encoders()).Length);
    }

    [Fact]
    public async Task What_one_run_did_the_next_one_knows()
    {
        using var home = TestHome.Create();
        var request = new ExtractionRequest(TestHome.Dataset, TestHome.TextEncoder);
        await using (var first = await LocalCluster.StartAsync(home.Home, cancellationToken: TestContext.Current.CancellationToken))
        {
            var job = first.Grains.GetGrain<IExtractionJobGrain>(request.Key);
            await job.Start(request);
            Assert.Equal(JobState.Completed, (await Patience.Read(job.Watch(TestContext.Current.CancellationToken)))[^1].State);
        }

        await using var second = await LocalCluster.StartAsync(home.Home, cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal(JobState.Completed, (await second.Grains.GetGrain<IExtractionJobGrain>(request.Key).Status()).State);
    }

    [Fact]
    public async Task A_home_that_cannot_be_written_to_is_refused_before_anything_starts()
    {
        using var folder = new TemporaryFolder();
        await File.WriteAllTextAsync(folder["home"], "a file", TestContext.Current.CancellationToken);
        var failure = await Assert.ThrowsAsync<FuseMixException>(
            () => LocalCluster.StartAsync(new FuseMixHome(folder["home"]), cancellationToken: TestContext.Current.CancellationToken));
        Assert.Equal(FailureKind.Unavailable, failure.Kind);
        Assert.Contains("--home", failure.Remedy, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_option_out_of_range_is_refused_before_anything_starts()
    {
        using var home = TestHome.Create();
        var failure = await Assert.ThrowsAsync<FuseMixException>(
            () => LocalCluster.StartAsync(
                home.Home, new NodeOptions { Threads = 0 }, cancellationToken: TestContext.Current.CancellationToken));
        Assert.Contains(nameof(NodeOptions.Threads), failure.Message, StringComparison.Ordinal);
    }
}
