namespace FuseMix.Cli.Tests.CommandLine;

public sealed class UsageErrorsTests
{
    [Theory]
    [InlineData("serach emoji cat", "'./fusemix' has no command 'serach'. Did you mean './fusemix search'?")]
    [InlineData("encoders lst", "'./fusemix encoders' has no command 'lst'. Did you mean './fusemix encoders list'?")]
    [InlineData("status --jsno", "'./fusemix status' has no option '--jsno'. Did you mean '--json'?")]
    [InlineData("extract emoji --quite", "'./fusemix extract' has no option '--quite'. Did you mean '--quiet'?")]
    [InlineData("search emoji cat --traget text", "'./fusemix search' has no option '--traget'. Did you mean '--target'?")]
    [InlineData("search emoji cat --target imge", "There is no value of --target named 'imge'. Did you mean 'image'?")]
    [InlineData("eval m --split tset", "There is no value of --split named 'tset'. Did you mean 'test'?")]
    [InlineData("search emoji cat -k ten", "-k needs a whole number, not 'ten'.")]
    [InlineData("serve --port 70000", "--port must be from 0 to 65535, not 70000.")]
    [InlineData("extract", "'./fusemix extract' needs a <dataset>.")]
    [InlineData("eval", "'./fusemix eval' needs a <model>.")]
    [InlineData("collections build emoji", "--model")]
    [InlineData("status now", "'./fusemix status' does not take 'now'.")]
    public async Task Wrong_usage_is_one_sentence_that_names_the_nearest_valid_word(string commandLine, string expected)
    {
        var tester = new CliTester();
        var result = await tester.Run(commandLine.Split(' '));
        Assert.Equal(2, result.Code);
        Assert.Equal("", result.Out);
        Assert.Contains(expected, result.Error, StringComparison.Ordinal);
        Assert.Single(result.Error.TrimEnd('\n').Split('\n'));
        Assert.Empty(tester.Clusters);
    }

    [Fact]
    public async Task With_json_wrong_usage_is_a_document_too()
    {
        var result = await new CliTester().Run("status", "--jsno", "--json");
        Assert.Equal(2, result.Code);
        Assert.Equal("invalid", result.Json.GetProperty("error").GetProperty("kind").GetString());
        Assert.Equal("Did you mean '--json'?", result.Json.GetProperty("error").GetProperty("remedy").GetString());
    }
}
