using System.Net;
using FuseMix.Silo.Api;
using FuseMix.Silo.Configuration;
using Microsoft.AspNetCore.Http;

namespace FuseMix.Silo.Tests.Api;

public sealed class BrowserSafetyTests
{
    private static readonly ApiKeyOptions[] Keys = [new() { Name = "app", Sha256 = new string('0', 64), Scopes = ["read"] }];

    [Theory]
    [InlineData("127.0.0.1", "", "localhost", true)]
    [InlineData("127.0.0.1", "", "LOCALHOST:5080", true)]
    [InlineData("127.0.0.1", "", "127.0.0.2", true)]
    [InlineData("127.0.0.1", "", "[::1]:80", true)]
    [InlineData("127.0.0.1", "", "fusemix.example.org", false)]
    [InlineData("127.0.0.1", "fusemix.example.org", "fusemix.example.org", true)]
    [InlineData("127.0.0.1", "fusemix.example.org", "Fusemix.Example.ORG:443", true)]
    [InlineData("127.0.0.1", "fusemix.example.org", "other.example.org", false)]
    [InlineData("0.0.0.0", "fusemix.example.org", "fusemix.example.org:5080", true)]
    [InlineData("0.0.0.0", "fusemix.example.org", "localhost", true)]
    [InlineData("0.0.0.0", "fusemix.example.org", "10.0.0.7:5080", false)]
    [InlineData("0.0.0.0", "10.0.0.7", "10.0.0.7:5080", true)]
    [InlineData("0.0.0.0", "", "anything.example.org", true)]
    public async Task A_node_answers_under_its_own_names(string address, string publicNames, string host, bool isAnswered) =>
        Assert.Equal(isAnswered ? 200 : 421, await Ask(address, publicNames, host, "/api/v1/collections"));

    [Theory]
    [InlineData("0.0.0.0", "/health/ready", 200)]
    [InlineData("0.0.0.0", "/metrics", 200)]
    [InlineData("0.0.0.0", "/metrics/more", 421)]
    [InlineData("0.0.0.0", "/healthy", 421)]
    [InlineData("127.0.0.1", "/health/ready", 200)]
    [InlineData("127.0.0.1", "/metrics", 200)]
    [InlineData("127.0.0.1", "/metrics/more", 421)]
    public async Task Probes_come_with_the_address_that_they_were_given(string address, string path, int expected) =>
        Assert.Equal(expected, await Ask(address, "fusemix.example.org", "10.0.0.7:5080", path));

    [Theory]
    [InlineData("POST", null, null, 200)]
    [InlineData("POST", "same-origin", null, 200)]
    [InlineData("POST", "none", null, 200)]
    [InlineData("POST", "cross-site", null, 400)]
    [InlineData("POST", "same-site", null, 400)]
    [InlineData("PUT", "cross-site", null, 400)]
    [InlineData("DELETE", "cross-site", null, 400)]
    [InlineData("GET", "cross-site", null, 200)]
    [InlineData("POST", null, "http://localhost:5080", 200)]
    [InlineData("POST", null, "http://localhost:5081", 400)]
    [InlineData("POST", null, "http://evil.example", 400)]
    [InlineData("POST", null, "null", 400)]
    public async Task Nothing_is_done_for_the_pages_of_other_sites(string method, string? site, string? origin, int expected) =>
        Assert.Equal(expected, await Ask("127.0.0.1", "", "localhost:5080", "/api/v1/trainings/job/cancel", method, site, origin));

    [Fact]
    public async Task A_running_node_refuses_them_too()
    {
        await using var node = await StartedNode.StartAsync();
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/v1/trainings/job/cancel");
        request.Headers.Add("Origin", "http://evil.example");
        using var response = await node.Client().SendAsync(request, TestContext.Current.CancellationToken);
        await ServedHome.AssertProblem(response, 400, "invalid", "another site");
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
    }

    private static async Task<int> Ask(
        string address, string publicNames, string host, string path, string method = "GET", string? site = null, string? origin = null)
    {
        var names = publicNames.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        var safety = new BrowserSafety(new HttpOptions { Address = address, PublicNames = names, ApiKeys = names.Length > 0 ? Keys : [] });
        var context = new DefaultHttpContext();
        context.Request.Method = method;
        context.Request.Host = new HostString(host);
        context.Request.Path = path;
        if (site is not null) context.Request.Headers["Sec-Fetch-Site"] = site;
        if (origin is not null) context.Request.Headers.Origin = origin;
        try
        {
            await safety.Apply(context, _ => Task.CompletedTask);
            return 200;
        }
        catch (BadHttpRequestException refused)
        {
            return refused.StatusCode;
        }
        catch (FuseMixException refused) when (refused.Kind == FailureKind.Invalid)
        {
            return 400;
        }
    }
}
