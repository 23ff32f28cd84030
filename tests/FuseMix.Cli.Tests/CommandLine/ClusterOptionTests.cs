using FuseMix.Cli.Session;
using FuseMix.Storage;
using FuseMix.Testing;

namespace FuseMix.Cli.Tests.CommandLine;

/// <summary>Commands for a cluster elsewhere.</summary>
public sealed class ClusterOptionTests : IDisposable
{
    private const string Key = "fmx_very-secret";
    private readonly TemporaryFolder _folder = new();
    private readonly FakeClient _client = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Without_it_a_cluster_in_this_process_is_meant()
    {
        var choice = await Choice("models", "list");
        Assert.Empty(choice.Addresses);
        Assert.Null(choice.ApiKey);
    }

    [Fact]
    public async Task Options_name_the_cluster_and_its_key()
    {
        var choice = await Choice("models", "list", "--cluster", "https://one:5080, https://two:5080/path", "--api-key", Key);
        Assert.Equal([new Uri("https://one:5080"), new Uri("https://two:5080/path")], choice.Addresses);
        Assert.Equal(Key, choice.ApiKey);
    }

    [Fact]
    public async Task So_do_environment_variables_where_there_are_no_options()
    {
        var tester = new CliTester { Client = _client, Home = _folder.Path, Variables = { ["FUSEMIX_CLUSTER"] = "http://three", ["FUSEMIX_API_KEY"] = Key } };
        await tester.Run("models", "list");
        await tester.Run("models", "list", "--cluster", "http://four", "--api-key", "other");
        Assert.Equal([("http://three/", Key), ("http://four/", "other")], tester.Clusters.Select(c => (c.Addresses[0].AbsoluteUri, c.ApiKey)));
    }

    [Theory]
    [InlineData("localhost:5080", "'localhost:5080' is not the address of a cluster. Did you mean 'http://localhost:5080'?")]
    [InlineData("http://one,two", "'two' is not the address of a cluster. Did you mean 'http://two'?")]
    [InlineData("ftp://one", "'ftp://one' is not the address of a cluster. It is written like http://localhost:5080.")]
    public async Task What_is_no_address_is_refused(string address, string expected)
    {
        var result = await Run("status", "--cluster", address);
        Assert.Equal((2, expected), (result.Code, result.Error.TrimEnd()));
    }

    [Theory]
    [InlineData("Leave --cluster out", "demo")]
    [InlineData("Leave --cluster out", "serve")]
    [InlineData("Leave --cluster out", "doctor")]
    [InlineData("Leave --cluster out", "fetch")]
    [InlineData("Leave --cluster out", "encoders", "verify")]
    [InlineData("Leave --cluster out", "api-keys", "create", "--name", "app")]
    [InlineData("where the home folder of the cluster is", "models", "export", "emoji-small", "--to", "x")]
    public async Task Commands_about_this_machine_say_what_to_do_instead(string instead, params string[] args)
    {
        var tester = new CliTester { Home = _folder["never"] };
        var result = await tester.Run([.. args, "--cluster", "http://one"]);
        Assert.Equal(2, result.Code);
        Assert.Contains("works on this machine, not on a remote cluster.", result.Error, StringComparison.Ordinal);
        Assert.Contains(instead, result.Error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_folder["never"]));
    }

    [Fact]
    public async Task The_variable_does_not_keep_commands_about_this_machine_from_working()
    {
        var tester = new CliTester { Home = _folder.Path, Variables = { ["FUSEMIX_CLUSTER"] = "http://one" } };
        var result = await tester.Run("encoders", "verify");
        Assert.Equal(
            "'./fusemix encoders verify' works on this machine; FUSEMIX_CLUSTER does not matter to it.\n"
            + "No encoder is installed. './fusemix encoders import use-lite' installs one.\n",
            result.Error);
    }

    [Fact]
    public async Task A_remote_cluster_leaves_the_home_folder_alone_whoever_works_there()
    {
        var home = new FuseMixHome(_folder["home"]).EnsureWritable();
        using var other = FileLock.TryAcquire(Path.Combine(home.State, "node.lock"));
        foreach (var args in (string[][])[["eval", "emoji-small"], ["extract", "emoji"], ["train", "emoji"], ["collections", "drop", "emoji"], ["study", "augmentation", "--seeds", "1", "--output", _folder["studies"]]])
            Assert.Equal(0, (await Run([.. args, "--cluster", "http://one", "--home", home.Root])).Code);
        var status = await Run("status", "--json", "--cluster", "http://one", "--home", home.Root);
        Assert.Null(status.Json.GetProperty("nodeOf").GetString());
        Assert.NotEqual(0, status.Json.GetProperty("trainings").GetArrayLength());
        Assert.Equal(0, (await Run("eval", "emoji-small", "--cluster", "http://one", "--home", _folder["never"])).Code);
        Assert.False(Directory.Exists(_folder["never"]));
    }

    [Theory]
    [InlineData("eval", "nothing", "--verbose")]
    [InlineData("eval", "nothing", "--json")]
    [InlineData("serve")]
    [InlineData("eval")]
    [InlineData("eval", "a", "b", "c")]
    [InlineData("evla")]
    [InlineData("models", "list", "--quiet")]
    [InlineData("models", "--help")]
    public async Task The_key_is_never_shown(params string[] args)
    {
        foreach (var key in (string[][])[["--api-key", Key], [$"--api-key={Key}"], [$"--api-kye={Key}"]])
        {
            var result = await Run([.. args, "--cluster", "http://one", .. key]);
            Assert.DoesNotContain(Key, result.Out + result.Error, StringComparison.Ordinal);
        }

        Assert.DoesNotContain(Key, new ClusterChoice(new FuseMixHome(_folder.Path), [new Uri("http://one")], Key, () => false, false).ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_models_files_are_not_on_this_machine()
    {
        var result = await Run("models", "show", "emoji-small", "--cluster", "http://one", "--json");
        Assert.Null(result.Json.GetProperty("folder").GetString());
        Assert.Contains("512 dimensions", (await Run("models", "show", "emoji-small", "--cluster", "http://one")).Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_folder_is_sent_whole_and_a_table_with_what_it_names()
    {
        Directory.CreateDirectory(_folder["data"]);
        await File.WriteAllTextAsync(_folder["data/pairs.csv"], "image,audio,text\na.png,,one\nsub/b.png,c.wav,two\na.png,,three\n");
        await File.WriteAllTextAsync(_folder["data/pairs.jsonl"], """{ "image": "a.png", "text": "one" }""" + "\n");
        Assert.Contains("✓ mine: 3,822 images", (await Run("datasets", "import", "--folder", _folder["data"], "--name", "mine", "--cluster", "http://one")).Out, StringComparison.Ordinal);
        Assert.Contains("already imported", (await Run("datasets", "import", "--csv", _folder["data/pairs.csv"], "--name", "mine", "--cluster", "http://one")).Out, StringComparison.Ordinal);
        await Run("datasets", "import", "--jsonl", _folder["data/pairs.jsonl"], "--name", "mine", "--cluster", "http://one");
        Assert.Equal(["put mine Folder data", "put mine Csv pairs.csv a.png sub/b.png c.wav", "put mine JsonLines pairs.jsonl a.png"], _client.Commands);
    }

    [Fact]
    public async Task A_known_dataset_is_made_where_the_home_of_the_cluster_is()
    {
        var result = await Run("datasets", "import", "emoji", "--cluster", "http://one");
        Assert.Equal(2, result.Code);
        Assert.Contains("'./fusemix datasets import emoji' where the home folder of the cluster is", result.Error, StringComparison.Ordinal);
        Assert.Empty(_client.Commands);
    }

    private async Task<ClusterChoice> Choice(params string[] args)
    {
        var tester = new CliTester { Client = _client, Home = _folder.Path };
        Assert.Equal(0, (await tester.Run(args)).Code);
        return Assert.Single(tester.Clusters);
    }

    private Task<CliResult> Run(params string[] args) => new CliTester { Client = _client, Home = _folder.Path }.Run(args);
}
