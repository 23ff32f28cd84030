using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using FuseMix.Testing;

namespace FuseMix.Cli.Tests.Serve;

public sealed class ServeCommandTests
{
    [Fact]
    public async Task A_port_that_is_taken_is_said_in_one_sentence()
    {
        using var other = new TcpListener(IPAddress.Loopback, 0);
        other.Start();
        var port = ((IPEndPoint)other.LocalEndpoint).Port;
        var result = await new CliTester { Home = TestHome.Path }.Run("serve", "--port", $"{port}");
        Assert.Equal(1, result.Code);
        Assert.Equal($"Port {port} is already in use. Choose another with --port, or --port 0 for any free one.\n", result.Error);
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task It_serves_until_it_is_stopped_and_that_is_no_failure()
    {
        using var folder = new TemporaryFolder();
        using var stop = new CancellationTokenSource();
        var url = new TaskCompletionSource<string>();
        var tester = new CliTester
        {
            Home = folder.Path,
            Stop = stop.Token,
            OutListener = document => url.TrySetResult(JsonDocument.Parse(document).RootElement.GetProperty("url").GetString()!),
        };
        var serving = tester.Run("serve", "--port", "0", "--json");
        using var client = new HttpClient();
        var address = await url.Task.WaitAsync(TimeSpan.FromSeconds(60));
        Assert.Equal("live", await client.GetStringAsync($"{address}/health/live"));
        await stop.CancelAsync();
        Assert.Equal(0, (await serving.WaitAsync(TimeSpan.FromSeconds(60))).Code);
    }
}
