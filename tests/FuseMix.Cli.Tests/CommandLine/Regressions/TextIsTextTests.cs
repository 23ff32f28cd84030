using FuseMix.Testing;

namespace FuseMix.Cli.Tests.CommandLine.Regressions;

/// <summary>The kind "the command line interprets text": what somebody searches for, or names, means nothing else.</summary>
public sealed class TextIsTextTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly FakeClient _client = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("@home")]
    [InlineData("@")]
    [InlineData("/h")]
    [InlineData("/?")]
    [InlineData("[suggest]")]
    [InlineData("[diagram]")]
    [InlineData("-5 degrees")]
    [InlineData("~")]
    [InlineData("\"quoted\"")]
    public async Task A_text_is_searched_as_it_stands(string text)
    {
        var result = await Run("search", "emoji", text);
        Assert.Equal((0, ""), (result.Code, result.Error));
        Assert.Equal(text, _client.Searches.Single().Queries[0].Terms.Single().Text);
    }

    [Fact]
    public async Task A_file_of_the_name_of_a_text_is_not_read()
    {
        await File.WriteAllTextAsync(_folder["x"], "--help");
        var text = "@" + _folder["x"];
        Assert.Equal(0, (await Run("search", "emoji", text, "--minus", text)).Code);
        Assert.Equal([text, text], _client.Searches.Single().Queries[0].Terms.Select(term => term.Text!));
    }

    [Fact]
    public async Task A_folder_may_begin_with_an_at_sign()
    {
        Assert.Equal(0, (await Run("datasets", "import", "--folder", "@photos", "--name", "mine")).Code);
        Assert.Equal("@photos", _client.Sources.Single().Path);
    }

    [Theory]
    [InlineData("--folder", "~/pictures")]
    [InlineData("--csv", "~/pairs.csv")]
    [InlineData("--jsonl", "~/pairs.jsonl")]
    public async Task A_tilde_that_the_shell_left_is_the_users_folder(string option, string path)
    {
        Assert.Equal(0, (await Run("datasets", "import", $"{option}={path}", "--name", "mine")).Code);
        Assert.Equal(Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), path[2..]), _client.Sources.Single().Path);
    }

    [Theory]
    [InlineData("~", "")]
    [InlineData("~/fm", "fm")]
    public async Task So_it_is_in_the_name_of_the_home_folder(string path, string expected)
    {
        var tester = new CliTester { Client = _client };
        Assert.Equal(0, (await tester.Run("models", "list", $"--home={path}")).Code);
        Assert.Equal(
            Path.TrimEndingDirectorySeparator(Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), expected)),
            tester.Clusters.Single().Home.Root);
    }

    [Theory]
    [InlineData("'./fusemix search' takes '-k' as text, since it stands after '--'. Write options before '--'.", "search", "emoji", "--", "-5 degrees", "-k", "1")]
    [InlineData("'./fusemix encoders list' takes '--json' as text, since it stands after '--'. Write options before '--'.", "encoders", "list", "--", "--json")]
    public async Task An_option_after_two_dashes_is_told_to_be_text(string expected, params string[] args)
    {
        var result = await Run(args);
        Assert.Equal(2, result.Code);
        Assert.Equal(expected, result.Error.TrimEnd('\n'));
    }

    private Task<CliResult> Run(params string[] args) => new CliTester { Client = _client, Home = _folder["home"] }.Run(args);
}
