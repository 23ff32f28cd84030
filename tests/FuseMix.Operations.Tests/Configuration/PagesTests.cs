using System.Text.RegularExpressions;
using FuseMix.Silo;

namespace FuseMix.Operations.Tests.Configuration;

/// <summary>What the pages for operators quote has to be there.</summary>
public sealed partial class PagesTests
{
    public static TheoryData<string> Pages => ["docs/deploying.md", "docs/configuration.md"];

    [Theory]
    [MemberData(nameof(Pages))]
    public void Links_lead_somewhere(string page)
    {
        var links = Link().Matches(Checkout.Read(page)).Select(match => match.Groups[1].Value).ToArray();
        Assert.NotEmpty(links);
        foreach (var link in links.Select(link => link.Split('#')))
        {
            var target = link[0].Length == 0 ? Checkout.PathOf(page) : Path.Combine(Path.GetDirectoryName(Checkout.PathOf(page))!, link[0]);
            Assert.True(Path.Exists(target), target);
            if (link.Length > 1)
            {
                Assert.Contains(
                    link[1],
                    File.ReadLines(target).Where(line => line.StartsWith('#')).Select(
                        line => line.TrimStart('#', ' ').ToLowerInvariant().Replace(' ', '-')));
            }
        }
    }

    [Fact]
    public void Files_of_the_checkout_in_commands_are_there() =>
        Assert.All(
            Pages.SelectMany(page => QuotedFile().Matches(Checkout.Read(page.Data)).Select(match => match.Value)),
            file => Assert.True(Path.Exists(Checkout.PathOf(file)), file));

    [Fact]
    public void Command_lines_of_the_silo_are_ones_that_it_takes()
    {
        string[] texts =
        [
            .. Pages.Select(page => page.Data), "silo-config/all-in-one.json", "silo-config/small-cluster-postgresql.json",
            "silo-config/gateway.json",
        ];
        var lines = texts.SelectMany(
            text => CommandLine().Matches(Checkout.Read(text).Replace("\\\n", " ", StringComparison.Ordinal))
                .Select(match => match.Groups[1].Value)).ToArray();
        Assert.True(lines.Length > 6);
        Assert.All(
            lines.Where(line => !line.Contains("Prot=", StringComparison.Ordinal)),
            line => SiloArguments.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)));
    }

    [GeneratedRegex(@"\]\(([^)\s]+)\)")]
    private static partial Regex Link();

    [GeneratedRegex(@"\b(silo-config|k8s|src|tests)/[A-Za-z0-9_./-]*[A-Za-z0-9]")]
    private static partial Regex QuotedFile();

    [GeneratedRegex(@"fusemix-silo ((--[A-Za-z][^\n`]*?))(?=$|`|  |\.$| tells)", RegexOptions.Multiline)]
    private static partial Regex CommandLine();
}
