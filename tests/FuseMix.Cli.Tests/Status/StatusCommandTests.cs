using FuseMix.Contracts;

namespace FuseMix.Cli.Tests.Status;

public sealed class StatusCommandTests
{
    [Fact]
    public async Task Nodes_jobs_and_contents_are_told()
    {
        var result = await Tester().Run("status");
        Assert.Equal(0, result.Code);
        foreach (var expected in (string[])["Nodes", "local", "gateway, extract", "train emoji-small", "2 / 3", "loss 3.000", "emoji × use-lite: 1,911 of 512 dimensions", "collection   emoji"])
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
    public async Task Extractions_that_are_not_done_are_told()
    {
        var client = new FakeClient();
        client.Extracting.AddRange(
        [
            FakeClient.Extracted with { Encoder = "done" },
            FakeClient.Extracted with { Encoder = "under-way", State = JobState.Running, ItemsDone = 7 },
            FakeClient.Extracted with { Encoder = "broken", State = JobState.Failed, Error = "The disk is full." },
        ]);
        var result = await new CliTester { Client = client, Home = TestHome.Path, Width = 140 }.Run("status");
        Assert.Contains("extract emoji × under-way", result.Out, StringComparison.Ordinal);
        Assert.Contains("7 / 1,911", result.Out, StringComparison.Ordinal);
        Assert.Contains("The disk is full.", result.Out, StringComparison.Ordinal);
        Assert.DoesNotContain("emoji × done", result.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Of_many_trainings_the_first_are_told_and_that_there_are_more()
    {
        var client = new FakeClient();
        foreach (var job in (string[])["b", "c"]) client.Jobs.Add(FakeClient.At($"job-{job}", job, JobState.Completed, 3));
        var tester = new CliTester { Client = client, Home = TestHome.Path, Width = 140 };
        var result = await tester.Run("status", "--trainings", "2");
        Assert.Contains("train b", result.Out, StringComparison.Ordinal);
        Assert.DoesNotContain("train c", result.Out, StringComparison.Ordinal);
        Assert.Contains("--trainings N shows more", result.Out, StringComparison.Ordinal);
        var json = (await tester.Run("status", "--trainings", "2", "--json")).Json;
        Assert.Equal((2, true), (json.GetProperty("trainings").GetArrayLength(), json.GetProperty("moreTrainings").GetBoolean()));
        Assert.DoesNotContain("shows more", (await tester.Run("status")).Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_cluster_that_does_not_answer_is_said_to_be_silent()
    {
        var silent = new FakeClient
        {
            Nodes = () => throw new FuseMixException(FailureKind.Unavailable, "The cluster did not answer in time.", "Try again."),
        };
        var result = await new CliTester { Client = silent, Home = TestHome.Path }.Run("status");
        Assert.Equal(1, result.Code);
        Assert.Equal("The cluster did not answer in time. Try again.\n", result.Error);
    }

    private static CliTester Tester() => new() { Client = new FakeClient(), Home = TestHome.Path };
}
