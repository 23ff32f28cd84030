using FuseMix.Contracts;

namespace FuseMix.Cli.Tests.Jobs;

/// <summary>Ctrl-C in a command that joined a job which somebody else had set going on a cluster elsewhere.</summary>
public sealed class OthersJobTests
{
    [Theory]
    [InlineData("the training", "train emoji-small-", "train", "emoji")]
    [InlineData("the extraction", "extract emoji use-lite'", "extract", "emoji", "use-lite")]
    [InlineData("the build", "build emoji'", "collections", "build", "emoji", "--model", "emoji-small", "--dataset", "emoji")]
    public async Task Whoever_only_watches_stops_watching_and_hears_how_to_cancel(string job, string cancel, params string[] args)
    {
        var (client, result) = await Interrupt(isBusy: true, [.. args, "--cluster", "http://one"]);
        Assert.Equal(130, result.Code);
        Assert.DoesNotContain(client.Commands, command => command.StartsWith("cancel", StringComparison.Ordinal));
        Assert.StartsWith(
            $"Stopped watching; {job}, which ran before this command, goes on. './fusemix cancel {cancel}",
            result.Error,
            StringComparison.Ordinal);
        Assert.EndsWith("' stops it.\n", result.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("train", "emoji")]
    [InlineData("extract", "emoji", "use-lite")]
    [InlineData("collections", "build", "emoji", "--model", "emoji-small", "--dataset", "emoji")]
    public async Task Whoever_set_it_going_cancels_it_and_so_does_who_finds_it_in_the_own_process(params string[] args)
    {
        foreach (var (isBusy, cluster) in ((bool, string[])[])[(false, ["--cluster", "http://one"]), (true, [])])
        {
            var (client, result) = await Interrupt(isBusy, [.. args, .. cluster]);
            Assert.Equal(130, result.Code);
            Assert.Single(client.Commands, command => command.StartsWith("cancel", StringComparison.Ordinal));
        }
    }

    private static async Task<(FakeClient Client, CliResult Result)> Interrupt(bool isBusy, string[] args)
    {
        using var stop = new CancellationTokenSource();
        var client = new FakeClient
        {
            IsBusy = isBusy,
            ExtractionEnd = _ => FakeClient.Extracted with { State = JobState.Running },
            StandsStill = stop.Cancel,
        };
        return (client, await new CliTester { Client = client, Home = TestHome.Path, Stop = stop.Token }.Run(args));
    }
}
