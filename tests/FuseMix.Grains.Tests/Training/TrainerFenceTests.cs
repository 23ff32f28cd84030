using FuseMix.Grains.Training;
using FuseMix.Storage;
using FuseMix.Testing;

namespace FuseMix.Grains.Tests.Training;

public sealed class TrainerFenceTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private FuseMixHome Home => new(_folder.Path);

    [Fact]
    public void The_trainer_of_the_latest_epoch_writes()
    {
        var fence = TrainerFence.Claim(Home);
        var writes = 0;
        fence.Write(() => writes++);
        fence.Write(() => writes++);
        Assert.Equal(2, writes);
    }

    [Fact]
    public void A_trainer_of_an_earlier_epoch_cannot_write()
    {
        var refused = 0;
        var old = TrainerFence.Claim(Home, () => refused++);
        var current = TrainerFence.Claim(Home);
        var failure = Assert.Throws<FuseMixException>(() => old.Write(() => Assert.Fail("It wrote.")));
        Assert.Equal((FailureKind.Conflict, "Another trainer has taken over (epoch 2; this one has 1)."), (failure.Kind, failure.Message));
        var wrote = false;
        current.Write(() => wrote = true);
        Assert.True(wrote);
        Assert.Equal(1, refused);
    }

    [Fact]
    public async Task A_new_trainer_waits_for_a_write_that_is_under_way()
    {
        var old = TrainerFence.Claim(Home);
        using var writing = new ManualResetEventSlim();
        using var goOn = new ManualResetEventSlim();
        var log = new List<string>();
        var write = Task.Run(
            () => old.Write(() =>
            {
                writing.Set();
                goOn.Wait(TestContext.Current.CancellationToken);
                lock (log) log.Add("written");
            }),
            TestContext.Current.CancellationToken);
        writing.Wait(TestContext.Current.CancellationToken);
        var claim = Task.Run(
            () =>
            {
                TrainerFence.Claim(Home);
                lock (log) log.Add("claimed");
            },
            TestContext.Current.CancellationToken);
        goOn.Set();
        await Task.WhenAll(write, claim);
        Assert.Equal(["written", "claimed"], log);
    }

    [Fact]
    public async Task A_trainer_that_stalls_in_the_middle_of_a_write_is_overtaken()
    {
        var old = TrainerFence.Claim(Home);
        using var writing = new ManualResetEventSlim();
        using var wakeUp = new ManualResetEventSlim();
        var write = Task.Run(
            () => old.Write(() =>
            {
                writing.Set();
                wakeUp.Wait(TestContext.Current.CancellationToken);
            }),
            TestContext.Current.CancellationToken);
        writing.Wait(TestContext.Current.CancellationToken);

        var next = TrainerFence.Claim(Home, patience: TimeSpan.FromMilliseconds(50));
        Assert.True(next.HasOvertaken);
        var wrote = false;
        next.Write(() => wrote = true);
        Assert.True(wrote);

        wakeUp.Set();
        await write;
        Assert.Throws<FuseMixException>(() => old.Write(() => Assert.Fail("It wrote.")));
        Assert.False(TrainerFence.Claim(Home).HasOvertaken);
    }

    [Fact]
    public void Nothing_is_left_of_trainers_of_the_past()
    {
        for (var i = 0; i < 3; i++) TrainerFence.Claim(Home).Write(() => { });
        TrainerFence.Claim(Home);
        Assert.Equal(["trainer.epoch"], Directory.EnumerateFiles(Home.Runs).Select(path => Path.GetFileName(path)));
    }

    [Fact]
    public void An_epoch_that_an_earlier_version_wrote_is_counted_on()
    {
        Directory.CreateDirectory(Home.Runs);
        File.WriteAllText(Path.Combine(Home.Runs, "trainer.epoch"), "7");
        var old = TrainerFence.Claim(Home);
        TrainerFence.Claim(Home);
        var failure = Assert.Throws<FuseMixException>(() => old.Write(() => { }));
        Assert.Contains("(epoch 9; this one has 8)", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_write_that_fails_lets_the_next_one_in()
    {
        var fence = TrainerFence.Claim(Home);
        Assert.Throws<IOException>(() => fence.Write(() => throw new IOException("The disk is full.")));
        var wrote = false;
        fence.Write(() => wrote = true);
        Assert.True(wrote);
    }

    [Fact]
    public async Task Of_many_who_claim_at_once_only_the_last_can_write()
    {
        var fences = await Task.WhenAll(
            Enumerable.Range(0, 8).Select(_ => Task.Run(() => TrainerFence.Claim(Home), TestContext.Current.CancellationToken)));
        var writers = 0;
        foreach (var fence in fences)
        {
            try
            {
                fence.Write(() => writers++);
            }
            catch (FuseMixException lost)
            {
                Assert.Equal(FailureKind.Conflict, lost.Kind);
            }
        }

        Assert.Equal(1, writers);
    }

    public void Dispose() => _folder.Dispose();
}
