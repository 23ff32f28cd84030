using System.IO.Pipelines;
using System.Net;
using System.Text;
using FuseMix.Contracts;
using FuseMix.Contracts.Extraction;

namespace FuseMix.Client.Tests.Http;

/// <summary>Jobs are followed to their end, through whatever breaks on the way.</summary>
public sealed class WatchTests
{
    private readonly FakeGateways _gateways = new();

    [Fact]
    public async Task Statuses_come_until_the_job_is_over()
    {
        _gateways.Events(": \n\n", Status("running", 1), Status("running", 2), ": \n\n", Status("completed", 3), Status("running", 4));
        Assert.Equal([1, 2, 3], (await Watch()).Select(s => s.ItemsDone));
        Assert.Equal(["GET http://gateway-1:5080/api/v1/extractions/emoji/use-lite/events"], _gateways.Requests);
    }

    [Fact]
    public async Task A_job_that_was_never_started_has_no_end_to_wait_for()
    {
        _gateways.Events(Status("unknown", 0));
        Assert.Equal(JobState.Unknown, Assert.Single(await Watch()).State);
    }

    [Fact]
    public async Task A_stream_that_ends_too_early_is_opened_again_and_nothing_is_told_twice()
    {
        _gateways.Events(Status("running", 1), Status("running", 2)).Events(Status("running", 2), Status("failed", 2));
        Assert.Equal(
            [(JobState.Running, 1), (JobState.Running, 2), (JobState.Failed, 2)], (await Watch()).Select(s => (s.State, s.ItemsDone)));
        Assert.Equal(2, _gateways.Requests.Count);
    }

    [Fact]
    public async Task A_stream_that_breaks_goes_on_at_the_next_gateway_that_answers()
    {
        _gateways.Stream(new BrokenStream(Status("running", 1))).Refuse().Events(Status("completed", 3));
        Assert.Equal([1, 3], (await Watch(gateways: 2)).Select(s => s.ItemsDone));
        Assert.Equal(3, _gateways.Requests.Count);
    }

    [Fact]
    public async Task A_stream_on_which_nothing_comes_any_more_is_left()
    {
        var silent = new Pipe();
        await silent.Writer.WriteAsync(Encoding.UTF8.GetBytes(Status("running", 1)));
        _gateways.Stream(silent.Reader.AsStream()).Events(Status("completed", 3));
        Assert.Equal([1, 3], (await Watch()).Select(s => s.ItemsDone));
        Assert.InRange((_gateways.Times[1] - _gateways.Times[0]).TotalSeconds, 30, 60);
    }

    [Fact]
    public async Task Whoever_is_never_heard_of_again_is_given_up()
    {
        _gateways.Events(Status("running", 1)).Refuse();
        var failure = await Assert.ThrowsAsync<FuseMixException>(() => Watch());
        Assert.Equal(FailureKind.Unavailable, failure.Kind);
        Assert.Contains("cannot be reached", failure.Message, StringComparison.Ordinal);
        Assert.InRange((_gateways.Times[^1] - _gateways.Times[0]).TotalSeconds, 60, 151);
    }

    [Fact]
    public async Task A_cluster_that_says_why_it_tells_no_more_is_believed()
    {
        _gateways.Events(
            Status("running", 1),
            "event: failure\nid: 2\ndata: {\"type\":\"urn:fusemix:problem:not-found\",\"title\":\"?\",\"status\":404,\"detail\":\"It is "
                + "gone.\",\"remedy\":\"Start it.\"}\n\n");
        var failure = await Assert.ThrowsAsync<FuseMixException>(() => Watch());
        Assert.Equal((FailureKind.NotFound, "It is gone. Start it."), (failure.Kind, failure.Advice));
    }

    [Fact]
    public async Task A_job_that_is_not_known_is_said_at_once()
    {
        _gateways.Problem(HttpStatusCode.NotFound, "not-found", "There is no training job named 'x'.");
        var failure = await Assert.ThrowsAsync<FuseMixException>(async () =>
        {
            await foreach (var _ in _gateways.Client().WatchTraining("x"))
            {
            }
        });
        Assert.Equal(FailureKind.NotFound, failure.Kind);
        Assert.Single(_gateways.Requests);
    }

    [Fact]
    public async Task Whoever_watches_can_stop()
    {
        var silent = new Pipe();
        await silent.Writer.WriteAsync(Encoding.UTF8.GetBytes(Status("running", 1)));
        _gateways.Stream(silent.Reader.AsStream());
        using var stop = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (var _ in _gateways.Client().WatchExtraction("emoji", "use-lite", stop.Token)) await stop.CancelAsync();
        });
        Assert.Single(_gateways.Requests);
    }

    [Fact]
    public async Task A_status_that_cannot_be_read_is_no_reason_to_ask_again()
    {
        _gateways.Events("event: status\ndata: {\"state\": \"dancing\"}\n\n");
        Assert.Equal(FailureKind.Invalid, (await Assert.ThrowsAsync<FuseMixException>(() => Watch())).Kind);
        Assert.Single(_gateways.Requests);
    }

    private Task<List<ExtractionStatus>> Watch(int gateways = 1)
    {
        return _gateways.Play(Read());

        async Task<List<ExtractionStatus>> Read()
        {
            var all = new List<ExtractionStatus>();
            await foreach (var status in _gateways.Client(gateways).WatchExtraction("emoji", "use-lite")) all.Add(status);
            return all;
        }
    }

    private static string Status(string state, int done) =>
        $"event: status\nid: {done}\ndata: {{\"dataset\":\"emoji\",\"encoder\":\"use-lite\",\"state\":\"{state}\",\"items\":3,\"itemsDone\":{done},\"itemsFound\":0,\"itemsFailed\":0,"
        + "\"shards\":1,\"shardsDone\":0,\"itemsPerSecond\":0,\"elapsed\":0,\"error\":null}\n\n";

    /// <summary>Breaks after what it holds.</summary>
    private sealed class BrokenStream(string text) : MemoryStream(Encoding.UTF8.GetBytes(text))
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            Position < Length ? base.ReadAsync(buffer, cancellationToken) : throw new IOException("Connection reset by peer.");
    }
}
