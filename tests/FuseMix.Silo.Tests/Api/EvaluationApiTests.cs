using System.Net;
using FuseMix.Client;
using FuseMix.Client.Tests.Contract;
using FuseMix.Grains.Tests.Clusters;

namespace FuseMix.Silo.Tests.Api;

public sealed class EvaluationApiTests
{
    private const string Evaluation = "/api/v1/models/model/evaluation?dataset=boats";

    [Fact]
    public async Task A_node_that_measures_already_asks_to_come_back_and_has_time_again_once_the_caller_before_has_left()
    {
        using var home = TestHome.Create();
        await using (var maker = await StartedNode.StartAsync(home: home.Home))
        {
            var jobs = new HomeJobs(new GrainFuseMixClient(maker.Grains));
            await jobs.Extract();
            await jobs.Train(TestHome.Training("job", "model", seed: 1));
        }

        await using var node = await StartedNode.StartAsync(home: home.Home, node: options => options.EvaluationsQueued = 0);
        var client = node.Client();
        using var held = new HeldFile(Path.Combine(home.Home.Datasets, TestHome.Dataset, "items.jsonl"));
        using var leaving = new CancellationTokenSource();
        var first = client.PostAsync(Evaluation, null, leaving.Token);
        await held.Reached;

        using (var second = await client.PostAsync(Evaluation, null, TestContext.Current.CancellationToken))
        {
            Assert.Equal(TimeSpan.FromSeconds(1), second.Headers.RetryAfter?.Delta);
            await ServedHome.AssertProblem(second, 503, "unavailable", "is busy", "Try again");
        }

        await leaving.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first);
        await held.Release();
        var answer = await Patience.Until(
            async () =>
            {
                using var third = await client.PostAsync(Evaluation, null, TestContext.Current.CancellationToken);
                return third.StatusCode;
            },
            status => status != HttpStatusCode.ServiceUnavailable);
        Assert.Equal(HttpStatusCode.OK, answer);
    }
}
