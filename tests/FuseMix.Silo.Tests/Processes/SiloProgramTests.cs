using System.Net;
using System.Text.Json.Nodes;
using FuseMix.Testing.Clusters;

namespace FuseMix.Silo.Tests.Processes;

/// <summary>What the program says and how it ends.</summary>
[Trait("Category", "Slow")]
[Collection(nameof(PreparedProcesses))]
public sealed class SiloProgramTests : IDisposable
{
    private readonly TestHome _home = TestHome.Create();

    public void Dispose() => _home.Dispose();

    [Fact]
    public async Task It_tells_how_it_is_used()
    {
        var (code, printed) = await ChildProcess.Run(SiloProcess.Program, "--help");
        Assert.Equal(0, code);
        foreach (var option in (string[])["--config", "--check", "--create-schema", "--openapi", "--version", "--FuseMix:KEY=VALUE"]) Assert.Contains(option, printed, StringComparison.Ordinal);
    }

    [Fact]
    public async Task It_tells_its_version()
    {
        var (code, printed) = await ChildProcess.Run(SiloProcess.Program, "--version");
        Assert.Equal((0, $"fusemix-silo {FuseMix.Hosting.NodeAnnouncement.ThisVersion}"), (code, printed));
    }

    [Fact]
    public async Task It_prints_the_document_of_its_api_and_touches_nothing()
    {
        var (code, printed) = await ChildProcess.Run(SiloProcess.Program, "--openapi", "--FuseMix:Home=/nowhere");
        Assert.Equal(0, code);
        Assert.Equal("FuseMix.Cluster", (string?)JsonNode.Parse(printed)!["info"]!["title"]);
    }

    [Fact]
    public async Task A_check_says_what_the_node_would_be_and_starts_nothing()
    {
        var (code, printed) = await ChildProcess.Run(SiloProcess.Program, "--check", $"--FuseMix:Home={_home.Home.Root}", "--FuseMix:Node:Name=left", "--FuseMix:Node:Roles=index");
        Assert.Equal((0, $"The configuration is valid: node index@left, cluster Local, state Sqlite, home {_home.Home.Root}."), (code, printed));
    }

    [Fact]
    public async Task A_wrong_configuration_is_refused_in_words_alone()
    {
        var (code, printed) = await ChildProcess.Run(SiloProcess.Program, "--check", "--FuseMix:Http:Prot=1");
        Assert.Equal((2, "fusemix-silo: The configuration cannot be used. FuseMix:Http:Prot is not known; did you mean FuseMix:Http:Port?"), (code, printed));
    }

    [Fact]
    public async Task A_certificate_that_is_not_there_is_named_before_anything_starts()
    {
        var (code, printed) = await ChildProcess.Run(SiloProcess.Program, $"--FuseMix:Home={_home.Home.Root}", "--FuseMix:Http:Certificate:Path=/nothing.pem");
        Assert.Equal(1, code);
        Assert.StartsWith("fusemix-silo: FuseMix:Http:Certificate:Path is '/nothing.pem', which is not there.", printed, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_home_belongs_to_one_node_that_stands_alone()
    {
        await using var silo = await SiloProcess.StartAsync(_home);
        await using var second = SiloProcess.Start(_home);
        Assert.Equal(1, await second.Exited);
        Assert.Contains($"The home folder '{_home.Home.Root}' is in use by process {silo.Process.Id}", second.Printed, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", second.Printed, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_address_of_another_machine_is_named()
    {
        var (code, printed) = await ChildProcess.Run(SiloProcess.Program, $"--FuseMix:Home={_home.Home.Root}", "--FuseMix:Http:Address=192.0.2.1",
            "--FuseMix:Http:ApiKeys:0:Name=a", $"--FuseMix:Http:ApiKeys:0:Sha256={new string('a', 64)}", "--FuseMix:Http:ApiKeys:0:Scopes=read");
        Assert.Equal((1, "fusemix-silo: 192.0.2.1 is no address of this machine.\n  → Give one that it has."), (code, printed));
    }

    [Fact]
    public async Task A_port_that_is_taken_is_said_in_one_sentence()
    {
        await using var silo = await SiloProcess.StartAsync(_home);
        using var other = TestHome.Create();
        await using var second = SiloProcess.Start(other, $"Http:Port={silo.Url.Port}");
        Assert.Equal(1, await second.Exited);
        Assert.Equal(
            $"fusemix-silo: Port {silo.Url.Port} is already in use.\n  → Set FuseMix:Http:Port to another, or to 0 for any free one.", second.Printed);
    }

    [Fact]
    public async Task While_it_drains_it_is_not_ready_but_serves_and_then_it_ends_well()
    {
        await using var silo = await SiloProcess.StartAsync(_home, "Shutdown:Drain=00:00:05");
        using var http = new HttpClient { BaseAddress = silo.Url };
        silo.Process.Terminate();
        Assert.Equal(503, await Patience.Until(silo.Readiness, status => status != 200));
        using var answer = await http.GetAsync("/api/v1/datasets");
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);

        // The next request will come to another node.
        Assert.True(answer.Headers.ConnectionClose);
        Assert.Equal(0, await silo.Process.Exited);
    }

    [Fact]
    public async Task A_second_signal_ends_it_at_once()
    {
        await using var silo = await SiloProcess.StartAsync(_home, "Shutdown:Drain=00:10:00", "Shutdown:Timeout=00:20:00");
        silo.Process.Terminate();
        await silo.Process.Line(line => line.Contains("Leaving: not ready any more", StringComparison.Ordinal));
        silo.Process.Terminate();
        Assert.Equal(143, await silo.Process.Exited);
    }
}
