using System.CommandLine;
using FuseMix.Cli.CommandLine;

namespace FuseMix.Cli.Tests.CommandLine;

public sealed class HelpTests
{
    public static TheoryData<string> Commands => [.. All(CommandTree.Build()).Select(c => HelpPage.PathOf(c)["./fusemix".Length..].Trim())];

    [Theory]
    [MemberData(nameof(Commands))]
    public async Task Every_command_explains_itself_without_starting_a_cluster(string path)
    {
        var tester = new CliTester { Width = 90 };
        var result = await tester.Run([.. path.Split(' ', StringSplitOptions.RemoveEmptyEntries), "--help"]);
        Assert.Equal(0, result.Code);
        Assert.Equal("", result.Error);
        Assert.Empty(tester.Clusters);
        Assert.Contains("Usage\n  ./fusemix", result.Out, StringComparison.Ordinal);
        Assert.Contains("--json", result.Out, StringComparison.Ordinal);
        Assert.Contains("Exit codes", result.Out, StringComparison.Ordinal);
        Assert.All(result.Out.Split('\n'), line => Assert.InRange(line.Length, 0, 110));
    }

    [Fact]
    public void Every_command_that_works_has_a_description_an_example_and_described_options()
    {
        foreach (var command in All(CommandTree.Build()))
        {
            Assert.False(string.IsNullOrWhiteSpace(command.Description), HelpPage.PathOf(command));
            Assert.All(command.Options.Cast<Symbol>().Concat(command.Arguments), s => Assert.False(string.IsNullOrWhiteSpace(s.Description), $"{HelpPage.PathOf(command)} {s.Name}"));
            if (command is not CliCommand { Work: not null } works) continue;
            Assert.NotEmpty(works.Examples);
            Assert.All(works.Examples, e => Assert.StartsWith(HelpPage.PathOf(command), e.CommandLine, StringComparison.Ordinal));
        }
    }

    [Fact]
    public void Every_example_is_a_valid_command_line()
    {
        foreach (var command in All(CommandTree.Build()).OfType<CliCommand>())
        {
            foreach (var example in command.Examples)
            {
                var parse = CommandTree.Build().Parse(example.CommandLine["./fusemix ".Length..]);
                Assert.True(UsageErrors.Of(parse) is null, $"{example.CommandLine}: {UsageErrors.Of(parse)?.Message}");
                Assert.Equal(HelpPage.PathOf(command), HelpPage.PathOf(parse.CommandResult.Command));
            }
        }
    }

    [Fact]
    public async Task Without_arguments_the_commands_are_listed()
    {
        var result = await new CliTester().Run();
        Assert.Equal(0, result.Code);
        Assert.Contains("demo", result.Out, StringComparison.Ordinal);
        Assert.Contains("search", result.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_group_without_a_command_shows_its_help_and_is_wrong_usage()
    {
        var result = await new CliTester().Run("encoders");
        Assert.Equal(2, result.Code);
        Assert.Equal("", result.Out);
        Assert.Contains("./fusemix encoders <command>", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_version_is_one_line()
    {
        var result = await new CliTester().Run("--version");
        Assert.Equal(0, result.Code);
        Assert.Matches(@"^fusemix \d+\.\d+\.\d+\S*\n$", result.Out);
    }

    private static IEnumerable<Command> All(Command command) => command.Subcommands.SelectMany(All).Prepend(command);
}
