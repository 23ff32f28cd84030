using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using FuseMix.Cli.CommandLine;

namespace FuseMix.Cli.Tests.CommandLine;

/// <summary>Command lines that pages and error messages tell people to type must be ones that this program takes.</summary>
public sealed partial class QuotedCommandsTests
{
    /// <summary>What the launcher does itself.</summary>
    private static readonly string[] OfTheLauncher = ["test", "clean"];

    [Fact]
    public void Every_command_line_in_the_pages_is_valid()
    {
        var pages = Directory.GetFiles(Root("docs"), "*.md", SearchOption.AllDirectories).Append(Path.Combine(Root(""), "README.md"));
        var lines = pages.SelectMany(
            page => File.ReadLines(page).Select((text, i) => (Where: $"{Path.GetFileName(page)}:{i + 1}", Text: text)))
            .Where(line => line.Text.StartsWith("./fusemix ", StringComparison.Ordinal))
            .Select(line => (line.Where, Text: line.Text["./fusemix ".Length..].Split(" #")[0].Split(" | ")[0].Trim()));
        Check(lines);
    }

    [Fact]
    public void Every_command_line_in_a_message_is_valid()
    {
        var sources = Directory.GetFiles(Root("src"), "*.cs", SearchOption.AllDirectories);
        Check(sources.SelectMany(file => QuotedCommand().Matches(File.ReadAllText(file))
            .Select(match => (Where: Path.GetFileName(file), Text: Hole().Replace(match.Groups[1].Value, "x")))));
    }

    private static void Check(IEnumerable<(string Where, string Text)> lines)
    {
        var checkedLines = 0;
        foreach (var (where, text) in lines)
        {
            if (OfTheLauncher.Contains(text.Split(' ')[0])) continue;
            var parse = CommandTree.Build().Parse(text);
            // Messages may name a command without its arguments ("'./fusemix train'"), but not with wrong ones.
            var error = parse.UnmatchedTokens.Count > 0 || text.Contains(" --", StringComparison.Ordinal) ? UsageErrors.Of(parse) : null;
            Assert.True(error is null, $"{where}: '{text}': {error?.Message}");
            Assert.True(parse.CommandResult.Command is CliCommand, $"{where}: '{text}' names no command.");
            checkedLines++;
        }

        Assert.True(checkedLines > 5);
    }

    private static string Root(string folder, [CallerFilePath] string here = "") =>
        Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "..", "..", "..", folder));

    [GeneratedRegex(@"'(?:\./)?fusemix ([a-z][^'\n]*)'")]
    private static partial Regex QuotedCommand();

    /// <summary>An interpolated value.</summary>
    [GeneratedRegex(@"\{[^{}]*\}")]
    private static partial Regex Hole();
}
