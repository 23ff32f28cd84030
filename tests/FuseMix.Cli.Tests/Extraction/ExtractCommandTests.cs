using FuseMix.Contracts;
using FuseMix.Contracts.Extraction;

namespace FuseMix.Cli.Tests.Extraction;

public sealed class ExtractCommandTests
{
    private static readonly ExtractionStatus Done = FakeClient.Extracted;

    [Fact]
    public async Task Every_fitting_encoder_is_used_where_none_is_named()
    {
        var client = new FakeClient();
        var result = await Tester(client).Run("extract", "emoji");
        Assert.Equal(0, result.Code);
        Assert.Equal(["extract emoji/mobilenet-v2-mid", "extract emoji/use-lite"], client.Commands);
        Assert.Contains("✓ emoji × use-lite: 1,911 latents at 1,260 items/s (1.5 s)", result.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_was_there_is_said_to_have_been_there()
    {
        var result = await Tester(_ => Done with { ItemsFound = 1_911 }).Run("extract", "emoji", "use-lite");
        Assert.Contains("1,911 latents already there", result.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Json_is_one_document_without_a_trace_of_progress()
    {
        var result = await Tester(_ => Done).Run("extract", "emoji", "use-lite", "--json");
        var job = Assert.Single(result.Json.EnumerateArray());
        Assert.Equal("completed", job.GetProperty("state").GetString());
        Assert.Equal(1.52, job.GetProperty("elapsed").GetDouble());
        Assert.Equal(1_911, job.GetProperty("itemsDone").GetInt32());
        Assert.Equal("", result.Error);
    }

    [Fact]
    public async Task A_failed_job_says_why_and_how_to_go_on()
    {
        var failed = Done with { State = JobState.Failed, ShardsDone = 3, Error = "The disk is full." };
        var result = await Tester(_ => failed).Run("extract", "emoji", "use-lite");
        Assert.Equal(1, result.Code);
        Assert.Contains("The disk is full.", result.Error, StringComparison.Ordinal);
        Assert.Contains(
            "'./fusemix extract emoji use-lite' goes on from the 3 shards that are committed.", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_unknown_dataset_gets_the_nearest_name()
    {
        var result = await Tester(_ => Done).Run("extract", "emojy");
        Assert.Equal(1, result.Code);
        Assert.Equal("There is no dataset named 'emojy'. Did you mean 'emoji'?\n", result.Error);
    }

    [Fact]
    public async Task An_accelerator_is_passed_on()
    {
        var client = new FakeClient();
        Assert.Equal(0, (await Tester(client).Run("extract", "emoji", "use-lite", "--accelerator", "cuda")).Code);
        Assert.Contains("extract emoji/use-lite on cuda", client.Commands);
    }

    [Fact]
    public async Task Ctrl_C_cancels_the_job_and_says_what_is_kept()
    {
        using var stop = new CancellationTokenSource();
        var client =
            new FakeClient { ExtractionEnd = _ => Done with { State = JobState.Running, ShardsDone = 2 }, StandsStill = stop.Cancel };
        var result = await Tester(client, stop.Token).Run("extract", "emoji", "use-lite");
        Assert.Equal(130, result.Code);
        Assert.Contains("cancel emoji/use-lite", client.Commands);
        Assert.Equal("Stopped; 2 of 4 shards are committed. './fusemix extract emoji use-lite' goes on from there.\n", result.Error);
    }

    [Fact]
    public async Task With_json_Ctrl_C_is_a_document_too()
    {
        using var stop = new CancellationTokenSource();
        var client = new FakeClient { ExtractionEnd = _ => Done with { State = JobState.Running }, StandsStill = stop.Cancel };
        var result = await Tester(client, stop.Token).Run("extract", "emoji", "use-lite", "--json");
        Assert.Equal(130, result.Code);
        Assert.Equal("stopped", result.Json.GetProperty("error").GetProperty("kind").GetString());
    }

    [Fact]
    public async Task The_cluster_is_closed_however_the_command_ends()
    {
        var tester = Tester(_ => throw new InvalidOperationException("broken"));
        var result = await tester.Run("extract", "emoji", "use-lite");
        Assert.Equal(1, result.Code);
        Assert.Equal((1, 1), (tester.Clusters.Count, tester.ClustersClosed));
        Assert.Contains("This should not have happened: broken", result.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Verbose_shows_where_an_error_comes_from()
    {
        var result = await Tester(_ => throw new InvalidOperationException("broken")).Run("extract", "emoji", "use-lite", "--verbose");
        Assert.Contains("   at ", result.Error, StringComparison.Ordinal);
    }

    private static CliTester Tester(Func<string, ExtractionStatus> end) => Tester(new FakeClient { ExtractionEnd = end });

    private static CliTester Tester(FakeClient client, CancellationToken stop = default) =>
        new() { Client = client, Stop = stop, Home = TestHome.Path };
}
