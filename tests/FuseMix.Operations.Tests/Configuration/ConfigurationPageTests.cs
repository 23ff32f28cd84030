using System.Text.RegularExpressions;

namespace FuseMix.Operations.Tests.Configuration;

/// <summary>docs/configuration.md has exactly the keys that there are, with the ranges and defaults that they have.</summary>
public sealed partial class ConfigurationPageTests
{
    private static readonly (string Key, string Allowed, string Default)[] Rows =
    [
        .. Row().Matches(Checkout.Read("docs/configuration.md")).Select(
            match => (match.Groups[1].Value, match.Groups[2].Value, match.Groups[3].Value)),
    ];

    [Fact]
    public void Every_key_has_one_row_and_every_row_is_of_a_key() =>
        Assert.Equal(
            OptionCatalogue.All.Select(option => option.Key.Replace(":0:", ":N:", StringComparison.Ordinal)).Order(),
            Rows.Select(row => row.Key).Order());

    [Fact]
    public void Rows_tell_the_ranges_and_defaults_that_hold()
    {
        foreach (var option in OptionCatalogue.All)
        {
            var (_, allowed, unsaid) = Rows.Single(row => row.Key == option.Key.Replace(":0:", ":N:", StringComparison.Ordinal));
            Assert.NotEmpty(allowed);
            if (option.Allowed is { } expected) Assert.Equal((option.Key, expected), (option.Key, allowed));
            if (option.DefaultText is { } text) Assert.Equal((option.Key, $"`{text}`"), (option.Key, unsaid));
            else Assert.DoesNotMatch("^`[^`]*`$", unsaid);
        }
    }

    [GeneratedRegex(@"^\| `([A-Z][A-Za-z0-9:]+)` \| [^|]+ \| ([^|]+) \| ([^|]+) \|$", RegexOptions.Multiline)]
    private static partial Regex Row();
}
