using System.Net.Sockets;
using System.Text;

namespace FuseMix.Silo.Tests.Api.Regressions;

/// <summary>Probes and scrapers that came without a name, or with another one, were refused though the manual says that they are
/// answered.</summary>
public sealed class ProbeByAnyNameTests(ServedHome served)
{
    [Theory]
    [InlineData("GET /health/ready HTTP/1.0\r\n\r\n", "200")]
    [InlineData("GET /health/live HTTP/1.0\r\n\r\n", "200")]
    [InlineData("GET /metrics HTTP/1.0\r\n\r\n", "200")]
    [InlineData("GET /health/ready HTTP/1.1\r\nHost: 10.0.0.7:5080\r\nConnection: close\r\n\r\n", "200")]
    [InlineData("GET /metrics HTTP/1.1\r\nHost: host.docker.internal:5080\r\nConnection: close\r\n\r\n", "200")]
    [InlineData("GET /api/v1/collections HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n", "421", "not as 'evil.example'")]
    [InlineData("GET /api/v1/collections HTTP/1.0\r\n\r\n", "421", "names no host")]
    public async Task Health_and_metrics_answer_to_any_name_and_to_none(string request, string status, string words = "")
    {
        using var connection = new TcpClient();
        await connection.ConnectAsync(
            served.Client.BaseAddress!.Host, served.Client.BaseAddress.Port, TestContext.Current.CancellationToken);
        await using var stream = connection.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes(request), TestContext.Current.CancellationToken);
        using var reader = new StreamReader(stream, Encoding.UTF8);
        var answer = await reader.ReadToEndAsync(TestContext.Current.CancellationToken);
        Assert.Equal(status, answer.Split(' ')[1]);
        Assert.Contains(words, answer, StringComparison.Ordinal);
    }
}
