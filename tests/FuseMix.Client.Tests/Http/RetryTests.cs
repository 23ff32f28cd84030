using System.Net;
using System.Text;
using FuseMix.Contracts.Extraction;
using FuseMix.Contracts.Search;

namespace FuseMix.Client.Tests.Http;

/// <summary>What is tried again, when, and where.</summary>
public sealed class RetryTests
{
    private const string Nodes = """{ "nodes": [ { "name": "local", "roles": ["gateway"], "accelerators": [], "state": "Active" } ] }""";
    private const string Extraction = """
        { "dataset": "emoji", "encoder": "use-lite", "state": "running", "items": 3, "itemsDone": 1, "itemsFound": 0, "itemsFailed": 0, "shards": 1, "shardsDone": 0,
          "itemsPerSecond": 2.5, "elapsed": 1.25, "error": null }
        """;

    private readonly FakeGateways _gateways = new();

    [Fact]
    public async Task A_read_is_tried_again_until_the_cluster_answers()
    {
        _gateways.Refuse().Break().Problem(HttpStatusCode.ServiceUnavailable, "unavailable", "A node is leaving.").Answer(Nodes);
        var status = await _gateways.Play(_gateways.Client().Cluster());
        Assert.Equal("local", Assert.Single(status.Nodes).Name);
        Assert.Equal(4, _gateways.Requests.Count);
        Assert.All(_gateways.Requests, request => Assert.Equal("GET http://gateway-1:5080/api/v1/cluster", request));
    }

    [Fact]
    public async Task Pauses_grow_and_never_fall_together()
    {
        _gateways.Refuse().Refuse().Refuse().Refuse().Refuse().Answer(Nodes);
        await _gateways.Play(_gateways.Client().Cluster());
        var pauses = _gateways.Times.Zip(_gateways.Times.Skip(1), (a, b) => (b - a).TotalMilliseconds).ToArray();
        Assert.All(pauses, (pause, i) => Assert.InRange(pause, 50 * Math.Pow(2, i), (150 * Math.Pow(2, i)) + 100));
    }

    [Theory]
    [InlineData(HttpStatusCode.TooManyRequests, "too-many-requests")]
    [InlineData(HttpStatusCode.ServiceUnavailable, "unavailable")]
    public async Task The_cluster_says_how_long_to_wait(HttpStatusCode status, string type)
    {
        _gateways.Problem(status, type, "Busy.", retryAfter: 7).Answer(Nodes);
        await _gateways.Play(_gateways.Client().Cluster());
        Assert.True(_gateways.Times[1] - _gateways.Times[0] >= TimeSpan.FromSeconds(7));
    }

    [Fact]
    public async Task A_wait_beyond_the_deadline_is_not_begun()
    {
        _gateways.Problem(HttpStatusCode.TooManyRequests, "too-many-requests", "Too many.", retryAfter: 31);
        var failure = await Assert.ThrowsAsync<FuseMixException>(() => _gateways.Client().Cluster());
        Assert.Equal((FailureKind.Unavailable, "Too many."), (failure.Kind, failure.Message));
        Assert.Single(_gateways.Requests);
    }

    [Fact]
    public async Task A_cluster_that_stays_busy_is_given_up()
    {
        _gateways.Problem(HttpStatusCode.ServiceUnavailable, "unavailable", "The disk is full.", "Free some space.", retryAfter: 1);
        var failure = await Assert.ThrowsAsync<FuseMixException>(() => _gateways.Play(_gateways.Client().Cluster()));
        Assert.Equal("The disk is full. Free some space.", failure.Advice);
        Assert.Equal(4, _gateways.Requests.Count);
    }

    [Fact]
    public async Task A_cluster_that_cannot_be_reached_is_given_up_at_the_deadline()
    {
        _gateways.Refuse();
        var started = _gateways.Clock.GetUtcNow();
        var failure = await Assert.ThrowsAsync<FuseMixException>(() => _gateways.Play(_gateways.Client(retryFor: TimeSpan.FromSeconds(5)).Cluster()));
        Assert.Equal(FailureKind.Unavailable, failure.Kind);
        Assert.Equal("http://gateway-1:5080 cannot be reached: Connection refused.", failure.Message);
        Assert.InRange((_gateways.Clock.GetUtcNow() - started).TotalSeconds, 1, 5.5);
    }

    [Fact]
    public async Task An_attempt_that_hangs_ends_and_is_made_again()
    {
        _gateways.Hang().Answer(Nodes);
        await _gateways.Play(_gateways.Client().Cluster());
        Assert.True(_gateways.Times[1] - _gateways.Times[0] >= TimeSpan.FromSeconds(60));
    }

    [Fact]
    public async Task Where_one_gateway_does_not_answer_the_next_one_is_asked_at_once_and_from_then_on()
    {
        _gateways.Refuse().Break().Answer(Nodes);
        var client = _gateways.Client(gateways: 3);
        await client.Cluster();
        await client.Cluster();
        Assert.Equal(
            ["gateway-1", "gateway-2", "gateway-3", "gateway-3"],
            _gateways.Requests.Select(request => new Uri(request.Split(' ')[1]).Host));
        Assert.Single(_gateways.Times.Distinct());
    }

    [Fact]
    public async Task A_gateway_that_leaves_sends_its_callers_to_the_next_one()
    {
        _gateways.Problem(HttpStatusCode.ServiceUnavailable, "unavailable", "This node is stopping.", retryAfter: 5).Answer(Nodes);
        await _gateways.Client(gateways: 2).Cluster();
        Assert.Equal("GET http://gateway-2:5080/api/v1/cluster", _gateways.Requests[1]);
    }

    [Fact]
    public async Task A_rate_limit_is_not_dodged_by_another_gateway()
    {
        _gateways.Problem(HttpStatusCode.TooManyRequests, "too-many-requests", "Too many.", retryAfter: 2).Answer(Nodes);
        await _gateways.Play(_gateways.Client(gateways: 2).Cluster());
        Assert.All(_gateways.Requests, request => Assert.Contains("gateway-1", request, StringComparison.Ordinal));
        Assert.True(_gateways.Times[1] - _gateways.Times[0] >= TimeSpan.FromSeconds(2));
    }

    [Fact]
    public async Task Commands_named_by_what_they_are_about_are_repeated_with_the_same_body()
    {
        _gateways.Break().Answer(Extraction);
        var status = await _gateways.Play(_gateways.Client().StartExtraction(new ExtractionRequest("emoji", "use-lite", "cuda")));
        Assert.Equal(TimeSpan.FromSeconds(1.25), status.Elapsed);
        Assert.Equal(2, _gateways.Requests.Count);
        Assert.All(_gateways.Bodies, body => Assert.Equal("""{"accelerator":"cuda"}""", Encoding.UTF8.GetString(body!)));
    }

    [Fact]
    public async Task A_search_is_a_read_whatever_its_method_is()
    {
        _gateways.Break().Answer("""{ "collection": "emoji", "generation": "g1", "complete": true, "missingShards": [], "results": [[]], "elapsedMs": 2.5 }""");
        var answer = await _gateways.Play(_gateways.Client().Search(new SearchRequest("emoji", [SearchQuery.OfText("a cat")], null)));
        Assert.Equal(TimeSpan.FromMilliseconds(2.5), answer.Elapsed);
        Assert.Equal(2, _gateways.Requests.Count);
    }

    [Fact]
    public async Task A_removal_that_may_have_been_done_is_not_repeated()
    {
        _gateways.Break();
        await Assert.ThrowsAsync<FuseMixException>(() => _gateways.Client().RemoveEncoder("use-lite"));
        Assert.Single(_gateways.Requests);
    }

    [Fact]
    public async Task A_removal_that_cannot_have_been_done_is_repeated()
    {
        _gateways.Refuse().Problem(HttpStatusCode.TooManyRequests, "too-many-requests", "Too many.", retryAfter: 1).Answer(HttpStatusCode.NoContent);
        await _gateways.Play(_gateways.Client().RemoveDataset("emoji"));
        Assert.Equal(3, _gateways.Requests.Count);
    }

    [Theory]
    [InlineData(HttpStatusCode.BadRequest, "invalid")]
    [InlineData(HttpStatusCode.NotFound, "not-found")]
    [InlineData(HttpStatusCode.Conflict, "conflict")]
    [InlineData(HttpStatusCode.InternalServerError, "internal")]
    public async Task What_was_decided_is_not_asked_again(HttpStatusCode status, string type)
    {
        _gateways.Problem(status, type, "No.");
        await Assert.ThrowsAsync<FuseMixException>(() => _gateways.Client().Cluster());
        Assert.Single(_gateways.Requests);
    }

    [Fact]
    public async Task A_caller_who_gives_up_is_not_held_by_a_pause()
    {
        _gateways.Refuse();
        using var stop = new CancellationTokenSource();
        var call = _gateways.Client().Cluster(stop.Token);
        Assert.False(call.IsCompleted);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
    }

    [Fact]
    public async Task A_caller_who_gives_up_ends_the_request()
    {
        _gateways.Hang();
        using var stop = new CancellationTokenSource();
        var call = _gateways.Client().Cluster(stop.Token);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
        Assert.Single(_gateways.Requests);
    }
}
