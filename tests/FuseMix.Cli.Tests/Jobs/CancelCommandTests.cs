using FuseMix.Contracts;

namespace FuseMix.Cli.Tests.Jobs;

public sealed class CancelCommandTests
{
    private readonly FakeClient _client = new() { IsBusy = true };

    [Theory]
    [InlineData("emoji-small")]
    [InlineData("emoji-small-1")]
    public async Task A_training_is_cancelled_by_its_model_or_its_job_once_its_checkpoint_is_written(string name)
    {
        _client.Jobs.Add(FakeClient.At("emoji-small-0", "emoji-small", JobState.Completed, 3));
        var result = await Run("cancel", "train", name);
        Assert.Equal((0, ""), (result.Code, result.Error));
        Assert.Equal(["cancel emoji-small-1"], _client.Commands);
        Assert.Equal("✓ emoji-small-1: stopped after step 2 of 3.\n", result.Out);
    }

    [Fact]
    public async Task A_training_that_is_over_is_none_that_could_be_cancelled()
    {
        _client.Jobs.Add(FakeClient.At("emoji-deep-1", "emoji-deep", JobState.Completed, 3));
        var result = await Run("cancel", "train", "emoji-deep");
        Assert.Equal(1, result.Code);
        Assert.StartsWith("No training named 'emoji-deep' is queued or running. './fusemix status' shows the jobs.", result.Error, StringComparison.Ordinal);
        Assert.Empty(_client.Commands);
    }

    [Theory]
    [InlineData("Stopped; 4 of 4 shards are committed.", "cancel emoji/use-lite", "extract", "emoji", "use-lite")]
    [InlineData("Stopped; what was live before stays.", "cancel emoji", "build", "emoji")]
    public async Task Extractions_and_builds_are_cancelled_by_what_they_are_about(string said, string command, params string[] args)
    {
        var result = await Run(["cancel", .. args]);
        Assert.Equal((0, $"✓ {said}\n"), (result.Code, result.Out));
        Assert.Equal([command], _client.Commands);
        Assert.Equal("cancelled", (await Run(["cancel", .. args, "--json"])).Json.GetProperty("state").GetString());
    }

    [Theory]
    [InlineData("The extraction of 'emoji' with 'use-lite' is not running.", "extract", "emoji", "use-lite")]
    [InlineData("The build of collection 'emoji' is not running.", "build", "emoji")]
    public async Task What_does_not_run_is_not_cancelled(string said, params string[] args)
    {
        var client = new FakeClient();
        var result = await new CliTester { Client = client, Home = TestHome.Path }.Run(["cancel", .. args]);
        Assert.Equal((1, $"{said} './fusemix status' shows the jobs.\n"), (result.Code, result.Error));
        Assert.Empty(client.Commands);
    }

    private Task<CliResult> Run(params string[] args) => new CliTester { Client = _client, Home = TestHome.Path }.Run(args);
}
