using System.Net;

namespace FuseMix.Client.Tests.Http;

/// <summary>Failures arrive with their kind, their words and the way out.</summary>
public sealed class ProblemTests
{
    private readonly FakeGateways _gateways = new();

    [Theory]
    [InlineData(HttpStatusCode.BadRequest, "invalid", FailureKind.Invalid)]
    [InlineData(HttpStatusCode.RequestEntityTooLarge, "too-large", FailureKind.Invalid)]
    [InlineData(HttpStatusCode.Unauthorized, "unauthenticated", FailureKind.Invalid)]
    [InlineData(HttpStatusCode.NotFound, "not-found", FailureKind.NotFound)]
    [InlineData(HttpStatusCode.Conflict, "conflict", FailureKind.Conflict)]
    [InlineData(HttpStatusCode.InternalServerError, "corrupt", FailureKind.Corrupt)]
    [InlineData(HttpStatusCode.InternalServerError, "internal", FailureKind.Internal)]
    [InlineData(HttpStatusCode.TooManyRequests, "too-many-requests", FailureKind.Unavailable)]
    [InlineData(HttpStatusCode.ServiceUnavailable, "unavailable", FailureKind.Unavailable)]
    [InlineData(HttpStatusCode.GatewayTimeout, "timeout", FailureKind.Unavailable)]
    [InlineData(HttpStatusCode.BadRequest, "of-tomorrow", FailureKind.Invalid)]
    public async Task The_type_says_of_which_kind_a_failure_is(HttpStatusCode status, string type, FailureKind expected)
    {
        _gateways.Problem(status, type, "It went wrong.", "Do this.");
        var failure = await Assert.ThrowsAsync<FuseMixException>(() => _gateways.Client(retryFor: TimeSpan.Zero).Models());
        Assert.Equal((expected, "It went wrong.", "Do this."), (failure.Kind, failure.Message, failure.Remedy));
    }

    [Fact]
    public async Task A_fault_of_the_cluster_names_the_request_to_look_for_in_its_log()
    {
        _gateways.Problem(HttpStatusCode.InternalServerError, "internal", "The server failed unexpectedly; its log tells more.");
        var failure = await Assert.ThrowsAsync<FuseMixException>(() => _gateways.Client().Models());
        Assert.Equal("The log of the cluster tells more of request 0HN7.", failure.Remedy);
    }

    [Theory]
    [InlineData(HttpStatusCode.NotFound, "<html>nothing here</html>", FailureKind.Invalid, "answered 404")]
    [InlineData(HttpStatusCode.MovedPermanently, "", FailureKind.Invalid, "answered 301")]
    [InlineData(HttpStatusCode.InternalServerError, "oops", FailureKind.Internal, "answered 500")]
    [InlineData(HttpStatusCode.BadGateway, "upstream", FailureKind.Unavailable, "answered 502")]
    [InlineData(HttpStatusCode.OK, "<html>hello</html>", FailureKind.Invalid, "does not answer as a FuseMix cluster does")]
    [InlineData(HttpStatusCode.OK, "null", FailureKind.Invalid, "does not answer as a FuseMix cluster does")]
    [InlineData(HttpStatusCode.OK, """{ "items": null, "next": null }""", FailureKind.Invalid, "does not answer as a FuseMix cluster does")]
    public async Task Whoever_is_no_cluster_is_named(HttpStatusCode status, string body, FailureKind kind, string words)
    {
        _gateways.Answer(status, body, "text/html");
        var failure = await Assert.ThrowsAsync<FuseMixException>(() => _gateways.Client(retryFor: TimeSpan.Zero).Models());
        Assert.Equal(kind, failure.Kind);
        Assert.Contains("http://gateway-1:5080/api/v1/models", failure.Message, StringComparison.Ordinal);
        Assert.Contains(words, failure.Message, StringComparison.Ordinal);
        Assert.NotNull(failure.Remedy);
    }

    [Fact]
    public async Task A_redirect_is_named_and_not_followed()
    {
        _gateways.Answer(
            (_, _) => Task.FromResult(
                new HttpResponseMessage(HttpStatusCode.Found) { Headers = { Location = new Uri("https://elsewhere/") } }));
        var failure = await Assert.ThrowsAsync<FuseMixException>(() => _gateways.Client(apiKey: "secret").Models());
        Assert.Contains("which points to https://elsewhere/", failure.Message, StringComparison.Ordinal);
        Assert.Single(_gateways.Requests);
    }

    [Theory]
    [InlineData("../../admin")]
    [InlineData("a/b")]
    [InlineData("..")]
    [InlineData("")]
    [InlineData("Emoji")]
    public async Task A_name_that_could_be_a_path_never_becomes_a_part_of_an_address(string name)
    {
        var client = _gateways.Answer("{}").Client();
        foreach (var call in (Func<Task>[])
            [
                () => client.Drop(name), () => client.Collection(name), () => client.Training(name), () => client.Extraction(name, "e"),
                () => client.Extraction("d", name), () => client.RemoveEncoder(name), () => client.Dataset(name),
                () => client.FitBaseline(name, "d"),
                () => client.Content(name, "i"),
            ])
        {
            Assert.Equal(FailureKind.Invalid, (await Assert.ThrowsAsync<FuseMixException>(call)).Kind);
        }

        Assert.Empty(_gateways.Requests);
    }

    [Theory]
    [InlineData("localhost:5080", "Did you mean 'http://localhost:5080'?")]
    [InlineData("ftp://localhost", "It is written like http://localhost:5080.")]
    [InlineData("http://user:secret@localhost", "It is written like http://localhost:5080.")]
    [InlineData("http://localhost?x=1", "It is written like http://localhost:5080.")]
    [InlineData("cluster", "Did you mean 'http://cluster'?")]
    public void An_address_that_is_none_is_refused_at_once(string address, string remedy)
    {
        var failure = Assert.Throws<FuseMixException>(
            () => new HttpFuseMixClient(new HttpFuseMixClientOptions { Addresses = [new Uri(address, UriKind.RelativeOrAbsolute)] }));
        Assert.Equal((FailureKind.Invalid, remedy), (failure.Kind, failure.Remedy));
    }

    [Fact]
    public void No_address_is_refused_too() =>
        Assert.Equal(
            FailureKind.Invalid,
            Assert.Throws<FuseMixException>(() => new HttpFuseMixClient(new HttpFuseMixClientOptions { Addresses = [] })).Kind);
}
