using System.Diagnostics;
using FuseMix.Contracts;
using FuseMix.Contracts.Extraction;
using FuseMix.Testing.Clusters;

namespace FuseMix.Silo.Tests.Processes;

/// <summary>One silo, as it stands on one machine, killed and started again.</summary>
[Trait("Category", "Slow")]
[Collection(nameof(PreparedProcesses))]
public sealed class KilledSiloTests(PreparedProcesses prepared) : IDisposable
{
    private readonly TestHome _home = TestHome.CopyOf(prepared.Home);

    public void Dispose() => _home.Dispose();

    [Fact]
    public async Task A_silo_killed_in_the_middle_of_a_shard_loses_that_shard_alone_and_goes_on_unasked()
    {
        using var home = TestHome.Create();
        Dictionary<string, (DateTime Written, string Content)> kept;
        using (var held = new HeldFile(home.PicturePath("img-20")))
        {
            await using var silo = await SiloProcess.StartAsync(home);
            using var client = silo.Client();
            await client.StartExtraction(new ExtractionRequest(TestHome.Dataset, TestHome.ImageEncoder));
            await held.Reached;
            silo.Process.Kill();
            Assert.Equal(137, await silo.Process.Exited);
            kept = home.LatentFiles(TestHome.ImageEncoder);
            Assert.Equal(2, kept.Count);
            held.PutBack();
        }

        var started = Stopwatch.GetTimestamp();
        await using var again = await SiloProcess.StartAsync(home);
        Work.Tell("a killed silo is ready again", Work.Since(started));

        // Nobody asks for the job; the list of jobs knows that it is not over.
        await Patience.Until(() => Task.FromResult(home.LatentStatus(TestHome.ImageEncoder)), status => status!.IsComplete);
        Work.Tell("its extraction is over", Work.Since(started));
        using var asking = again.Client();
        var end = (await Patience.Read(asking.WatchExtraction(TestHome.Dataset, TestHome.ImageEncoder)))[^1];
        Assert.Equal((JobState.Completed, 25, 16, 0), (end.State, end.ItemsDone, end.ItemsFound, end.ItemsFailed));
        var after = home.LatentFiles(TestHome.ImageEncoder);
        Assert.All(kept, file => Assert.Equal(file.Value, after[file.Key]));
    }

    [Fact]
    public async Task A_silo_killed_in_mid_training_ends_at_the_very_weights_of_one_that_never_was()
    {
        await using (var silo = await SiloProcess.StartAsync(_home, "Node:CheckpointSteps=100"))
        {
            using var client = silo.Client();
            await client.SubmitTraining(Work.Training("killed", "killed"));
            await Work.Reaches(client, "killed", status => status.Step > Work.Steps / 3);
            silo.Process.Kill();
            Assert.Equal(137, await silo.Process.Exited);
        }

        var started = Stopwatch.GetTimestamp();
        await using var again = await SiloProcess.StartAsync(_home, "Node:CheckpointSteps=100");
        using var asking = again.Client();
        var resumed = await Work.Reaches(asking, "killed", status => status.ResumedFrom > 0);
        Work.Tell("a killed training goes on", Work.Since(started));
        Assert.InRange(resumed.ResumedFrom, (Work.Steps / 3) - 100, Work.Steps);
        Assert.Equal(JobState.Completed, (await Work.Ends(asking, "killed")).State);
        Work.AssertAsCalm(_home, "killed");
    }

    [Fact]
    public async Task A_silo_told_to_leave_in_mid_training_writes_a_checkpoint_and_ends_well()
    {
        // No checkpoint is written by the way: the one that the next silo goes on from is that of the leaving.
        await using (var silo = await SiloProcess.StartAsync(_home, "Node:CheckpointSteps=1000000"))
        {
            using var client = silo.Client();
            await client.SubmitTraining(Work.Training("left", "left"));
            await Work.Reaches(client, "left", status => status.Step > Work.Steps / 3);
            var (code, took) = await silo.Leave();
            Assert.Equal(0, code);
            Work.Tell("a silo leaves in mid-training", took);
        }

        await using var again = await SiloProcess.StartAsync(_home, "Node:CheckpointSteps=1000000");
        using var asking = again.Client();
        Assert.InRange((await Work.Reaches(asking, "left", status => status.ResumedFrom > 0)).ResumedFrom, Work.Steps / 3, Work.Steps);
        Assert.Equal(JobState.Completed, (await Work.Ends(asking, "left")).State);
        Work.AssertAsCalm(_home, "left");
    }
}
