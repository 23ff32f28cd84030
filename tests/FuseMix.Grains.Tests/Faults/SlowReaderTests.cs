using FuseMix.Contracts;
using FuseMix.Grains.Tests.Clusters;

namespace FuseMix.Grains.Tests.Faults;

/// <summary>Readers of a job's progress that are slower than the job.</summary>
public sealed class SlowReaderTests(PreparedHome prepared)
{
    [Fact]
    public async Task A_reader_that_sleeps_through_a_training_holds_nobody_up_and_misses_only_the_steps_between()
    {
        using var home = prepared.Copy();
        await using var cluster = await TestCluster.StartAsync(home);
        await cluster.Trainer.Submit(PreparedHome.Request("long", "long", 7, steps: 400));
        await using var slow = cluster.Trainer.Watch("long").GetAsyncEnumerator(TestContext.Current.CancellationToken);
        Assert.True(await slow.MoveNextAsync());
        Assert.Equal(JobState.Completed, (await cluster.EndOf("long")).State);

        var seen = new List<int>();
        while (await slow.MoveNextAsync()) seen.Add(slow.Current.Step);
        Assert.Equal((JobState.Completed, 400), (slow.Current.State, seen[^1]));
        Assert.Equal(seen.Order(), seen);

        // Nothing is kept for a reader that does not read: what comes is what a batch held, and the end.
        Assert.True(seen.Count < 200, $"{seen.Count} steps were kept for the reader.");
    }
}
