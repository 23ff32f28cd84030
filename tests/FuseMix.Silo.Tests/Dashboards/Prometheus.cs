using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using FuseMix.Hosting;
using FuseMix.Testing;
using FuseMix.Testing.Clusters;

namespace FuseMix.Silo.Tests.Dashboards;

/// <summary>A real Prometheus that scrapes a node with the configuration that we ship, only more often.</summary>
internal sealed class Prometheus : IAsyncDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly StringBuilder _log = new();
    private readonly HttpClient _client;
    private readonly Process _process;

    private Prometheus(Uri node)
    {
        var configuration = File.ReadAllText(Path.Combine(Promtool.Folder, "prometheus.yml"))
            .Replace("localhost:5080", node.Authority, StringComparison.Ordinal)
            .Replace("15s", "500ms", StringComparison.Ordinal);
        Assert.Contains(node.Authority, configuration, StringComparison.Ordinal);
        Assert.Contains("scrape_interval: 500ms", configuration, StringComparison.Ordinal);
        File.WriteAllText(_folder["prometheus.yml"], configuration);
        Directory.CreateDirectory(_folder["rules"]);
        foreach (var rules in Directory.EnumerateFiles(Path.Combine(Promtool.Folder, "rules"), "*.yml"))
            File.Copy(rules, Path.Combine(_folder["rules"], Path.GetFileName(rules)));

        var address = $"127.0.0.1:{Ports.Free()}";
        _client = new HttpClient { BaseAddress = new Uri($"http://{address}/"), Timeout = Patience.Long };
        _process = Process.Start(new ProcessStartInfo(
            "prometheus",
            [$"--config.file={_folder["prometheus.yml"]}", $"--storage.tsdb.path={_folder["data"]}", $"--web.listen-address={address}"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        _process.OutputDataReceived += Note;
        _process.ErrorDataReceived += Note;
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    /// <summary>Starts it, and waits until it answers.</summary>
    public static async Task<Prometheus> Start(Uri node)
    {
        var prometheus = new Prometheus(node);
        try
        {
            await Patience.Until(prometheus.IsReady, ready => ready);
            return prometheus;
        }
        catch
        {
            await prometheus.DisposeAsync();
            throw;
        }
    }

    /// <summary>Every rule that it has loaded, with what it said of its last evaluation: "ok", "unknown" before the first, or what is
    /// wrong.</summary>
    public async Task<(string Name, string Query, bool IsAlert, string Health)[]> Rules() =>
    [
        .. from @group in (await Ask("api/v1/rules"))["groups"]!.AsArray()
           from rule in @group!["rules"]!.AsArray()
           select ((string)rule["name"]!, (string)rule["query"]!, (string?)rule["type"] == "alerting", (string?)rule["lastError"] ?? (string)rule["health"]!),
    ];

    /// <summary>The values that answer a query now.</summary>
    public async Task<double[]> Values(string query)
    {
        var data = await Ask($"api/v1/query?query={Uri.EscapeDataString(query)}");
        Assert.Equal("vector", (string?)data["resultType"]);
        return [.. data["result"]!.AsArray().Select(sample => Number((string)sample!["value"]![1]!))];
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited) _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
        _client.Dispose();
        _folder.Dispose();
    }

    private static double Number(string text) => text switch
    {
        "NaN" => double.NaN,
        "+Inf" => double.PositiveInfinity,
        "-Inf" => double.NegativeInfinity,
        _ => double.Parse(text, CultureInfo.InvariantCulture),
    };

    private async Task<bool> IsReady()
    {
        if (_process.HasExited) throw new InvalidOperationException($"Prometheus ended: {_log}");
        try
        {
            using var response = await _client.GetAsync("-/ready");
            return response.IsSuccessStatusCode;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

    private async Task<JsonNode> Ask(string address)
    {
        using var response = await _client.GetAsync(address);
        var answer = JsonNode.Parse(await response.Content.ReadAsStringAsync())!;
        return (string?)answer["status"] == "success" ? answer["data"]! : throw new InvalidOperationException(
            $"{address}: {answer["error"]}");
    }

    private void Note(object sender, DataReceivedEventArgs line)
    {
        lock (_log) _log.AppendLine(line.Data);
    }
}
