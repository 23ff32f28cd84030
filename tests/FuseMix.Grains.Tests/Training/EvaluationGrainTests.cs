using FuseMix.Contracts.Training;
using FuseMix.Grains.Tests.Clusters;
using FuseMix.Testing.Clusters;

namespace FuseMix.Grains.Tests.Training;

public sealed class EvaluationGrainTests(PreparedHome prepared)
{
    private static readonly EvaluationRequest Request = new(PreparedHome.Model, TestHome.Dataset, "test");

    [Fact]
    public async Task Evaluations_are_made_where_indexes_are_and_leave_the_trainer_alone()
    {
        using var home = prepared.Copy();
        await using var cluster = await TestCluster.StartAsync(home, ["gateway+train@one"]);
        var failure = await Assert.ThrowsAsync<FuseMixException>(() => cluster.Evaluate(Request));
        Assert.Equal((FailureKind.Unavailable, "No active node has the role 'index'."), (failure.Kind, failure.Message));

        await cluster.AddAsync("index@two");
        Assert.Equal(2, (await cluster.Evaluate(Request)).Directions.Length);
    }

    [Fact]
    public async Task A_node_that_has_enough_to_do_says_so_and_a_caller_that_leaves_makes_room()
    {
        using var home = prepared.Copy();
        await using var cluster = await TestCluster.StartAsync(
            home, [TestCluster.Everything], options: options => options.EvaluationsQueued = 1);
        using var held = new HeldFile(home.ItemsFile());
        var running = cluster.Evaluate(Request);
        await held.Reached;

        // There is room for one of two more.
        using var leaving = new CancellationTokenSource();
        var two = ((string[])["second", "third"]).Select(key => cluster.Evaluation(key).Evaluate(Request, leaving.Token)).ToArray();
        var refused = await Task.WhenAny(two).WaitAsync(Patience.Long, TestContext.Current.CancellationToken);
        var refusal = await Assert.ThrowsAsync<FuseMixException>(() => refused);
        Assert.Equal(FailureKind.Unavailable, refusal.Kind);
        Assert.Contains("is busy", refusal.Message, StringComparison.Ordinal);
        await leaving.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => two.Single(call => call != refused));
        var next = Patience.Until(() => Answer(cluster), report => report is not null);
        await held.Release();
        Assert.Equal(2, (await running).Directions.Length);
        Assert.Equal(2, (await next)!.Directions.Length);
    }

    [Fact]
    public async Task A_fit_whose_caller_has_left_writes_nothing()
    {
        using var home = prepared.Copy();
        await using var cluster = await TestCluster.StartAsync(home);
        using var held = new HeldFile(home.ItemsFile());
        using var leaving = new CancellationTokenSource();
        var fitting = cluster.Evaluation(TestHome.Dataset).FitBaseline(PreparedHome.Model, TestHome.Dataset, leaving.Token);
        await held.Reached;
        await leaving.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => fitting);

        // The caller knows at once, the node a little later.
        await cluster.Log.WaitFor(2013);
        await held.Release();

        // The node does one thing at a time: once it answers this, it has ended that.
        await cluster.Evaluate(Request);
        Assert.Empty(Directory.EnumerateDirectories(home.Home.Models, "cca-*"));
        Assert.StartsWith(
            "cca-", await cluster.Evaluation(TestHome.Dataset).FitBaseline(PreparedHome.Model, TestHome.Dataset), StringComparison.Ordinal);
    }

    private static async Task<EvaluationReport?> Answer(TestCluster cluster)
    {
        try
        {
            return await cluster.Evaluate(Request);
        }
        catch (FuseMixException busy) when (busy.Kind == FailureKind.Unavailable)
        {
            return null;
        }
    }
}
