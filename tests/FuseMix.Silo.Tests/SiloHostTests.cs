using System.Net;
using FuseMix.Testing;

namespace FuseMix.Silo.Tests;

public sealed class SiloHostTests(ServedHome served)
{
    [Theory]
    [InlineData("/health/live", "live")]
    [InlineData("/health/ready", "ready")]
    public async Task A_running_node_is_live_and_ready(string address, string expected) =>
        Assert.Equal(expected, await served.Client.GetStringAsync(address));

    [Fact]
    public void The_node_listens_on_the_loopback_interface_alone() => Assert.Equal("127.0.0.1", served.Client.BaseAddress!.Host);

    [Theory]
    [InlineData("localhost")]
    [InlineData("localhost:5080")]
    [InlineData("127.0.0.1:5080")]
    [InlineData("[::1]:5080")]
    public async Task The_names_of_this_machine_are_answered(string host)
    {
        using var response = await Ask("/health/live", host);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
    }

    [Theory]
    [InlineData("evil.example")]
    [InlineData("localhost.evil.example")]
    [InlineData("127.0.0.1.evil.example:5080")]
    [InlineData("192.168.1.7")]
    public async Task A_foreign_name_that_leads_here_is_not_answered(string host)
    {
        using var response = await Ask("/api/v1/collections", host);
        await ServedHome.AssertProblem(response, 421, "misdirected", "localhost");
    }

    [Theory]
    [InlineData("/")]
    [InlineData("/page.js")]
    [InlineData("/health/ready")]
    [InlineData("/api/v1/collections")]
    [InlineData("/api/v1/collections/nothing")]
    [InlineData("/nothing")]
    public async Task Every_answer_tells_browsers_to_be_careful(string address)
    {
        using var response = await served.Client.GetAsync(address);
        Assert.Equal("nosniff", response.Headers.GetValues("X-Content-Type-Options").Single());
        Assert.Equal("no-referrer", response.Headers.GetValues("Referrer-Policy").Single());
        Assert.Equal("same-origin", response.Headers.GetValues("Cross-Origin-Resource-Policy").Single());
        Assert.Contains("frame-ancestors 'none'", response.Headers.GetValues("Content-Security-Policy").Single(), StringComparison.Ordinal);
        Assert.False(response.Headers.Contains("Access-Control-Allow-Origin"));
        Assert.False(response.Headers.Contains("Server"));
    }

    [Fact]
    public async Task A_node_over_an_empty_home_is_ready_and_lists_no_collections()
    {
        using var folder = new TemporaryFolder();
        await using (var app = SiloHost.Build(ServedHome.ConfigurationOf(folder.Path)))
        {
            await app.StartAsync(TestContext.Current.CancellationToken);
            using var client = new HttpClient { BaseAddress = new Uri(app.Urls.Single()) };
            Assert.Equal("ready", await client.GetStringAsync("/health/ready", TestContext.Current.CancellationToken));
            Assert.Equal(
                """{"items":[],"next":null}""", await client.GetStringAsync("/api/v1/collections", TestContext.Current.CancellationToken));
            using var response = await client.GetAsync("/api/v1/collections/boats/search?q=a", TestContext.Current.CancellationToken);
            await ServedHome.AssertProblem(response, 404, "not-found", "There is no collection yet.");
            await app.StopAsync(TestContext.Current.CancellationToken);
        }
    }

    private Task<HttpResponseMessage> Ask(string address, string host)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, address);
        request.Headers.Host = host;
        return served.Client.SendAsync(request);
    }
}
