using System.Net;
using System.Text.Json.Nodes;
using FuseMix.Contracts.Cluster;
using FuseMix.Grains.Sessions;
using FuseMix.Silo.Configuration;
using FuseMix.Testing;
using FuseMix.Testing.Clusters;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace FuseMix.Silo.Tests.Health;

public sealed class HealthHostingTests : IAsyncDisposable
{
    private readonly TemporaryFolder _folder = new();
    private WebApplication _app = null!;
    private HttpClient _client = null!;

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await _app.DisposeAsync();
        _folder.Dispose();
    }

    [Fact]
    public async Task A_node_that_runs_has_started_is_ready_and_lives()
    {
        await Start();
        Assert.Equal((200, "started"), await Ask("startup"));
        Assert.Equal((200, "ready"), await Ask("ready"));
        Assert.Equal((200, "live"), await Ask("live"));
    }

    [Fact]
    public async Task A_machine_can_ask_for_JSON_by_the_address_or_by_what_it_accepts()
    {
        await Start();
        using var byAddress = await _client.GetAsync("/health/ready?format=json", TestContext.Current.CancellationToken);
        var document = await ServedHome.Read(byAddress, HttpStatusCode.OK);
        Assert.Equal("ready", (string?)document["status"]);
        Assert.Equal(
            ["collections", "device", "home", "membership", "state"],
            document["checks"]!.AsObject().Select(check => check.Key).Order(StringComparer.Ordinal));
        Assert.All(document["checks"]!.AsObject(), check => Assert.True((bool?)check.Value!["ok"]));

        using var request = new HttpRequestMessage(HttpMethod.Get, "/health/live") { Headers = { { "Accept", "application/json" } } };
        using var byAccept = await _client.SendAsync(request, TestContext.Current.CancellationToken);
        var text = await byAccept.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.Equal("""{"status":"live","checks":{"device":{"ok":true}}}""", text);
    }

    [Fact]
    public async Task A_node_that_is_told_to_leave_is_not_ready_while_it_still_serves()
    {
        await Start(configuration => configuration.Shutdown.Drain = TimeSpan.FromMinutes(10));
        using var impatience = new CancellationTokenSource();
        _app.Services.GetRequiredService<IHostApplicationLifetime>().StopApplication();
        var leaving = _app.StopAsync(impatience.Token);
        Assert.Equal((503, "not ready: membership: the node is leaving the cluster"), await Ask("ready"));
        Assert.Equal((200, "live"), await Ask("live"));
        Assert.Equal((200, "started"), await Ask("startup"));
        await impatience.CancelAsync();
        await leaving.ContinueWith(_ => { }, TaskScheduler.Default);
    }

    [Fact]
    public async Task A_node_whose_home_folder_cannot_be_written_is_not_ready_until_it_can()
    {
        await Start();
        var folder = Path.Combine(_folder.Path, "packages");
        Directory.Delete(folder);
        await File.WriteAllTextAsync(folder, "in the way", TestContext.Current.CancellationToken);
        Assert.Equal((503, "not ready: home: the home folder cannot be written"), await AskUntil("ready", 503));
        Assert.Equal((200, "live"), await Ask("live"));
        File.Delete(folder);
        Assert.Equal((200, "ready"), await AskUntil("ready", 200));
    }

    [Fact]
    public async Task A_node_whose_grain_state_cannot_be_written_is_not_ready_until_it_can()
    {
        await Start();
        var folder = Path.Combine(_folder.Path, "state");
        Directory.Move(folder, $"{folder}-away");
        Directory.CreateDirectory(Path.Combine(folder, "grains.db"));
        Assert.Equal((503, "not ready: state: grain state cannot be written"), await AskUntil("ready", 503));
        Directory.Delete(folder, recursive: true);
        Directory.Move($"{folder}-away", folder);
        Assert.Equal((200, "ready"), await AskUntil("ready", 200));
    }

    [Fact]
    public async Task A_node_that_should_have_a_GPU_and_has_none_is_not_ready()
    {
        Assert.SkipWhen(File.Exists("/dev/nvidia0"), "This machine has an NVIDIA GPU.");
        await Start(configuration => configuration.Node.Accelerators = [Accelerators.Cuda]);
        Assert.Equal((503, "not ready: cuda: the CUDA device does not answer"), await Ask("ready"));
        Assert.Equal((200, "live"), await Ask("live"));
    }

    [Fact]
    public async Task A_node_that_has_lost_its_device_must_be_started_anew()
    {
        await Start();
        _app.Services.GetRequiredService<DeviceHealth>().ReportLost("CUDA failure 700: an illegal memory access was encountered");
        const string trouble = "device: the device is lost; the node must be started anew";
        Assert.Equal((503, $"not live: {trouble}"), await Ask("live"));
        Assert.Equal((503, $"not ready: {trouble}"), await Ask("ready"));
        Assert.Equal((200, "started"), await Ask("startup"));
        var document = JsonNode.Parse((await Ask("live?format=json")).Text)!;
        Assert.Equal("the device is lost; the node must be started anew", (string?)document["checks"]!["device"]!["trouble"]);
    }

    [Fact]
    public async Task Health_is_read_and_never_kept()
    {
        await Start();
        using var posted = await _client.PostAsync("/health/live", null, TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.MethodNotAllowed, posted.StatusCode);
        using var head = await _client.SendAsync(
            new HttpRequestMessage(HttpMethod.Head, "/health/live"), TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.OK, head.StatusCode);
        Assert.Contains("no-store", head.Headers.CacheControl!.ToString(), StringComparison.Ordinal);
    }

    private async Task Start(Action<SiloConfiguration>? configure = null)
    {
        var configuration = ServedHome.ConfigurationOf(_folder.Path);
        configure?.Invoke(configuration);
        _app = SiloHost.Build(configuration);
        await _app.StartAsync();
        _client = new HttpClient { BaseAddress = new Uri(_app.Urls.Single()) };
    }

    private async Task<(int Status, string Text)> Ask(string probe)
    {
        using var response = await _client.GetAsync($"/health/{probe}");
        return ((int)response.StatusCode, await response.Content.ReadAsStringAsync());
    }

    /// <summary>Asks again until what is remembered has been forgotten.</summary>
    private Task<(int Status, string Text)> AskUntil(string probe, int status) =>
        Patience.Until(() => Ask(probe), answer => answer.Status == status);
}
