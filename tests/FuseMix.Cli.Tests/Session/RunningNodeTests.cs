using FuseMix.Testing.Clusters;
using System.Text.Json;
using FuseMix.Cli.Tests.EndToEnd;
using FuseMix.Hosting;
using FuseMix.Hosting.Configuration;
using FuseMix.Silo;
using FuseMix.Silo.Configuration;
using FuseMix.Silo.Security;
using FuseMix.Storage;

namespace FuseMix.Cli.Tests.Session;

/// <summary>Commands in a home folder in which another process has a node.</summary>
[Trait("Category", "Slow")]
public sealed class RunningNodeTests : IDisposable
{
    private static readonly string[] Recipe = ["--set", "steps=20000", "--set", "batchSize=16", "--set", "sharedDimension=16"];
    private readonly TinyWorld _world = new();

    public void Dispose() => _world.Dispose();

    [Fact]
    public async Task While_a_node_serves_commands_use_it_and_files_stay_where_they_are()
    {
        await Prepare();
        await Ok("train", "mine", "--model", "m", "--set", "steps=20", "--set", "batchSize=16");
        await Ok("collections", "build", "mine", "--model", "m");
        await using var serve = await Serving.Start(_world.Home);
        var hits = await Run("search", "mine", "moon", "-k", "3", "--json");
        Assert.Equal(3, hits.Json.GetProperty("results")[0].GetArrayLength());
        Assert.Equal("", hits.Error);
        Assert.StartsWith($"process {serve.Process.Id} on ", (await Run("status", "--json")).Json.GetProperty("nodeOf").GetString(), StringComparison.Ordinal);
        Assert.Contains("('fusemix serve')", await Ok("status"), StringComparison.Ordinal);
        Assert.Contains($"serves at {serve.Url}", (await Run("doctor")).Out, StringComparison.Ordinal);

        Assert.Contains("96 images", await Ok("datasets", "import", "--folder", _world.Pictures, "--name", "again"), StringComparison.Ordinal);
        Assert.Contains("again", await Ok("datasets", "list"), StringComparison.Ordinal);
        Assert.False(Directory.Exists(Path.Combine(_world.Home, "uploads")));

        var second = await Run("serve", "--port", "0");
        Assert.Equal(1, second.Code);
        Assert.Contains($"in use by process {serve.Process.Id} on ", second.Error, StringComparison.Ordinal);
        Assert.Contains($"which serves it at {serve.Url} since", second.Error, StringComparison.Ordinal);

        serve.Process.Terminate();
        Assert.Equal(0, await serve.Process.Exited);
        Assert.False(File.Exists(Announcement));
    }

    [Fact]
    public async Task Commands_that_begin_at_once_all_come_to_their_ends()
    {
        await Prepare(extract: false);
        var results = await Task.WhenAll(Run("extract", "mine"), Run("status"), Run("extract", "mine", "words"), Run("extract", "mine"), Run("models", "list"));
        Assert.All(results, result => Assert.True(result.Code == 0, result.Error));
        Assert.Contains("96 latents already there", await Ok("extract", "mine", "fields"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_command_whose_node_is_killed_or_ends_goes_on_by_itself_to_the_same_result(bool killed)
    {
        await Prepare();
        var whole = (await Run(["train", "mine", "--model", "whole", .. Recipe, "--json"])).Json;
        CliResult result;
        await using (var serve = await Serving.Start(_world.Home))
        {
            result = await Watching(killed ? serve.Process.Kill : serve.Process.Terminate, ["train", "mine", "--model", "parts", .. Recipe]);
            Assert.Equal(killed ? 137 : 0, await serve.Process.Exited);
            Assert.Contains($"The node of process {serve.Process.Id} on ", result.Error, StringComparison.Ordinal);
        }

        Assert.True(result.Code == 0, result.Error);
        var parts = (await Run(["train", "mine", "--model", "parts", .. Recipe, "--json"])).Json;
        Assert.True(parts.GetProperty("reused").GetBoolean());
        Assert.Equal(whole.GetProperty("status").GetProperty("loss").GetDouble(), parts.GetProperty("status").GetProperty("loss").GetDouble());
    }

    [Fact]
    public async Task A_command_may_end_while_another_one_uses_its_node()
    {
        await Prepare();
        using var stop = new CancellationTokenSource();
        var first = new TaskCompletionSource();
        var owner = Tester(stop: stop.Token, listener: line =>
        {
            if (line.Contains("loss", StringComparison.Ordinal)) first.TrySetResult();
        }).Run(["train", "mine", "--model", "first", "--set", "steps=2000000", "--set", "batchSize=16"]);
        await first.Task;
        Assert.False(File.Exists(Announcement), "Nobody has asked yet.");

        // The second waits for the trainer, which the first one has.
        var second = Run(["train", "mine", "--model", "second", "--set", "steps=50", "--set", "batchSize=16"]);
        await Patience.Until(async () => (await Run("status")).Out, status => status.Contains("train second", StringComparison.Ordinal));
        await stop.CancelAsync();
        Assert.Equal(130, (await owner).Code);
        var result = await second;
        Assert.True(result.Code == 0, result.Error);
        Assert.Contains("✓ second: 50 steps", result.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_node_that_wants_a_key_is_given_one_or_the_command_says_how()
    {
        var key = ApiKey.Create();
        var configuration = new SiloConfiguration
        {
            Home = _world.Home,
            Cluster = new ClusteringOptions { SiloPort = 0, GatewayPort = 0 },
            Http = new HttpOptions { Port = 0, ApiKeys = [new ApiKeyOptions { Name = "cli", Sha256 = ApiKey.Sha256Of(key), Scopes = ["admin"] }] },
            Shutdown = new ShutdownOptions { Drain = TimeSpan.Zero },
        };
        using var ownership = HomeOwnership.TryTake(new FuseMixHome(_world.Home))!;
        await using var app = SiloHost.Build(configuration);
        await app.StartAsync();
        ownership.Announce(SiloHost.LocalAddress(app, configuration.Http), "fusemix-silo");

        var result = await Run("status");
        Assert.Equal(2, result.Code);
        Assert.Contains($"{app.Urls.Single()} needs an API key. Give it with --api-key, or better in FUSEMIX_API_KEY", result.Error, StringComparison.Ordinal);
        Assert.Contains("not one that this node knows", (await Run("status", "--api-key", "fmx_wrong")).Error, StringComparison.Ordinal);
        await Ok("status", "--api-key", key);
        await app.StopAsync();
    }

    [Fact]
    public async Task A_node_of_another_version_is_used_with_a_warning_that_names_both()
    {
        await using var serve = await Serving.Start(_world.Home);
        var text = await File.ReadAllTextAsync(Announcement);
        await File.WriteAllTextAsync(Announcement, text.Replace($"\"version\": \"{NodeAnnouncement.ThisVersion}\"", "\"version\": \"9.9.9\"", StringComparison.Ordinal));
        var result = await Run("models", "list");
        Assert.Equal(0, result.Code);
        Assert.Contains($"is of version 9.9.9, this command of {NodeAnnouncement.ThisVersion}.", result.Error, StringComparison.Ordinal);
    }

    private string Announcement => Path.Combine(_world.Home, "state", "node.json");

    private async Task Prepare(bool extract = true)
    {
        await Ok("encoders", "add", _world.ImagePack);
        await Ok("encoders", "add", _world.TextPack);
        await Ok("datasets", "import", "--folder", _world.Pictures, "--name", "mine");
        if (extract) await Ok("extract", "mine");
    }

    private async Task<string> Ok(params string[] args)
    {
        var result = await Run(args);
        Assert.True(result.Code == 0, $"{string.Join(' ', args)} ended with {result.Code}: {result.Error}");
        return result.Out;
    }

    private Task<CliResult> Run(params string[] args) => Tester().Run(args);

    /// <summary>Runs a command that trains, and does something once it says that steps are done.</summary>
    private Task<CliResult> Watching(Action once, string[] args)
    {
        var done = 0;
        return Tester(line =>
        {
            if (line.Contains("loss", StringComparison.Ordinal) && Interlocked.Exchange(ref done, 1) == 0) once();
        }).Run(args);
    }

    private CliTester Tester(Action<string>? listener = null, CancellationToken stop = default) => new()
    {
        Home = _world.Home,
        RealCluster = true,
        Width = 160,
        Listener = listener,
        Stop = stop,
        Clock = listener is null ? TimeProvider.System : new HastyClock(),
    };

    /// <summary>A process of <c>fusemix serve</c>.</summary>
    private sealed class Serving(ChildProcess process, string url) : IAsyncDisposable
    {
        public ChildProcess Process => process;

        public string Url => url;

        public static async Task<Serving> Start(string home)
        {
            var process = ChildProcess.Start(Path.Combine(AppContext.BaseDirectory, "fusemix-cli"), ["serve", "--port", "0", "--json", "--home", home]);
            try
            {
                var line = await process.Line(line => line.Contains("\"url\"", StringComparison.Ordinal));
                return new Serving(process, JsonDocument.Parse($"{{{line}}}").RootElement.GetProperty("url").GetString()!);
            }
            catch
            {
                await process.DisposeAsync();
                throw;
            }
        }

        public ValueTask DisposeAsync() => process.DisposeAsync();
    }
}
