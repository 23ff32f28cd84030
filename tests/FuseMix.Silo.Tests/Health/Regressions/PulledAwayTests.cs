using FuseMix.Client;
using FuseMix.Contracts.Collections;
using FuseMix.Hosting;
using FuseMix.Testing.Clusters;

namespace FuseMix.Silo.Tests.Health.Regressions;

/// <summary>What was pulled away from under what is live, while health said that all was well.</summary>
public sealed class PulledAwayTests(ServedHome served)
{
    [Theory]
    [InlineData("collections", "*.fmshard")]
    [InlineData("encoders/tiny-text", "*.onnx")]
    [InlineData("models/boats-model", "*.safetensors")]
    public async Task A_collection_that_cannot_be_searched_is_named_and_the_node_stays_ready(string folder, string pattern)
    {
        using var home = TestHome.CopyOf(served.Home);
        await using var node = await StartedNode.StartAsync(home: home.Home);
        await new HomeJobs(new GrainFuseMixClient(node.Grains)).Build("boats", new CollectionBuild(ServedHome.Model, TestHome.Dataset));
        var file = Directory.GetFiles(Path.Combine(home.Home.Root, folder), pattern, SearchOption.AllDirectories).First();
        using (var stream = File.OpenWrite(file)) stream.SetLength(stream.Length - 1);
        using var client = node.Client();
        var (status, text) = await AskUntil(client, text => text.Contains("collections: ", StringComparison.Ordinal));
        Assert.Equal(
            (200, "ready, but collections: searches fail or lack something in boats; './fusemix doctor' says why"), (status, text));
        using var json = await client.GetAsync("/health/ready?format=json", TestContext.Current.CancellationToken);
        var document = await ServedHome.Read(json, System.Net.HttpStatusCode.OK);
        Assert.Equal(("ready", false), ((string?)document["status"], (bool)document["checks"]!["collections"]!["ok"]!));
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task The_nodes_of_a_machine_say_so_when_the_first_one_is_dead()
    {
        using var home = TestHome.CopyOf(served.Home);
        var port = Ports.Free();
        await using var first = await SiloProcess.StartAsync(home, $"Cluster:SiloPort={port}", "Node:Name=first");
        await using var second = await SiloProcess.StartAsync(home, $"Cluster:PrimarySiloPort={port}", "Node:Name=second");
        first.Process.Kill();
        Assert.Equal(137, await first.Process.Exited);
        Assert.Equal(503, await Patience.Until(second.Readiness, status => status != 200));
        using var http = new HttpClient();
        var text = await Patience.Until(
            async () =>
            {
                using var answer = await http.GetAsync(new Uri(second.Url, "/health/ready"));
                return await answer.Content.ReadAsStringAsync();
            },
            text => text.Contains("first-node: ", StringComparison.Ordinal));
        Assert.StartsWith("not ready: ", text, StringComparison.Ordinal);
    }

    private static Task<(int Status, string Text)> AskUntil(HttpClient client, Func<string, bool> isEnough) => Patience.Until(
        async () =>
        {
            using var answer = await client.GetAsync("/health/ready");
            return ((int)answer.StatusCode, await answer.Content.ReadAsStringAsync());
        },
        answer => isEnough(answer.Item2));
}
