using FuseMix.Testing;

namespace FuseMix.Cli.Tests.Encoders;

public sealed class EncodersCommandTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Encoders_that_can_be_imported_are_listed_with_their_licence()
    {
        var json = (await Run("encoders", "list", "--json")).Json.EnumerateArray().ToArray();
        Assert.Equal(["inception-v3", "mobilenet-v2-mid", "use-lite"], json.Select(e => e.GetProperty("name").GetString()).Order());
        Assert.All(json, e => Assert.False(e.GetProperty("installed").GetBoolean()));
        Assert.Contains("Apache-2.0", (await Run("encoders", "list")).Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_damaged_pack_does_not_hide_the_others()
    {
        var fingerprint = Fingerprint.Of("broken");
        Directory.CreateDirectory(_folder[$"encoders/broken/{fingerprint.Short}"]);
        await File.WriteAllTextAsync(_folder[$"encoders/broken/{fingerprint.Short}/encoder.json"], "{");
        await File.WriteAllTextAsync(_folder["encoders/broken/current.json"], $$"""{ "fingerprint": "{{fingerprint}}" }""");
        var json = (await Run("encoders", "list", "--json")).Json.EnumerateArray().ToArray();
        Assert.Equal(4, json.Length);
        Assert.NotNull(json.Single(e => e.GetProperty("name").GetString() == "broken").GetProperty("error").GetString());
        Assert.Equal(1, (await Run("encoders", "verify", "broken")).Code);
        Assert.Equal(0, (await Run("encoders", "remove", "broken")).Code);
        Assert.False(Directory.Exists(_folder["encoders/broken"]));
    }

    [Theory]
    [InlineData("There is no encoder to import named 'use-light'. Did you mean 'use-lite'?", "encoders", "import", "use-light")]
    [InlineData("There is no encoder named 'use-lite'.", "encoders", "remove", "use-lite")]
    [InlineData("There is no encoder named 'use-lite'.", "encoders", "verify", "use-lite")]
    [InlineData("No encoder is installed.", "encoders", "verify")]
    [InlineData("nowhere", "encoders", "add", "nowhere")]
    public async Task Unknown_names_are_refused_in_one_sentence(string expected, params string[] args)
    {
        var result = await Run(args);
        Assert.Equal(1, result.Code);
        Assert.Contains(expected, result.Error, StringComparison.Ordinal);
        Assert.Single(result.Error.TrimEnd('\n').Split('\n'));
    }

    private Task<CliResult> Run(params string[] args) => new CliTester { Home = _folder.Path, RealCluster = true }.Run(args);
}
