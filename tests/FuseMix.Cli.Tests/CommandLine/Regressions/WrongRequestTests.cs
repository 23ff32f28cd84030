using FuseMix.Testing;

namespace FuseMix.Cli.Tests.CommandLine.Regressions;

/// <summary>The kind "the command line interprets text", on what is wrong: it ends with 2, and is told as what it is.</summary>
public sealed class WrongRequestTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("There is nothing to search by.", "search", "emoji")]
    [InlineData("--filter needs key=value, not 'vendor'.", "search", "emoji", "x", "--filter", "vendor")]
    [InlineData("Your own dataset needs a name.", "datasets", "import", "--folder", "x")]
    [InlineData("One source is needed", "datasets", "import")]
    [InlineData("--rows-per-shard must be at least 1, not 0.", "collections", "build", "x", "--model", "emoji-small", "--rows-per-shard", "0")]
    [InlineData("--seeds must be from 1 to 100, not 0.", "study", "alpha", "--seeds", "0")]
    [InlineData("--rounds must be from 1 to 1,000, not 0.", "bench", "products", "--rounds", "0")]
    [InlineData("--set needs key=value, not 'depth'.", "train", "emoji", "--set", "depth")]
    [InlineData("'localhost' is not the address of a cluster.", "status", "--cluster", "localhost")]
    public async Task A_request_that_is_wrong_ends_with_2(string expected, params string[] args)
    {
        var result = await Run(args);
        Assert.Equal(2, result.Code);
        Assert.StartsWith(expected, result.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("search", "nothing", "x")]
    [InlineData("eval", "nothing")]
    public async Task A_name_that_does_not_exist_ends_with_1(params string[] args) => Assert.Equal(1, (await Run(args)).Code);

    [Theory]
    [InlineData("'./fusemix collections build' needs --model <name>.", "collections", "build", "x")]
    [InlineData("'./fusemix models export' needs --to <folder>.", "models", "export", "x")]
    [InlineData("--model needs a value.", "collections", "build", "x", "--model")]
    public async Task An_option_that_is_missing_is_not_called_one_without_a_value(string expected, params string[] args)
    {
        var result = await Run(args);
        Assert.Equal(2, result.Code);
        Assert.StartsWith(expected, result.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false, "serve")]
    [InlineData(false, "doctor")]
    [InlineData(false, "bench")]
    [InlineData(false, "models", "export")]
    [InlineData(true, "models")]
    [InlineData(true, "models", "show")]
    [InlineData(true)]
    public async Task The_help_names_a_cluster_where_one_can_be_named(bool expected, params string[] command) =>
        Assert.Equal(expected, (await Run([.. command, "--help"])).Out.Contains("--cluster", StringComparison.Ordinal));

    private Task<CliResult> Run(params string[] args) => new CliTester { Client = new FakeClient(), Home = _folder.Path }.Run(args);
}
