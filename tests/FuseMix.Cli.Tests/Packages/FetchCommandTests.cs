using FuseMix.Cli.Packages;

namespace FuseMix.Cli.Tests.Packages;

public sealed class FetchCommandTests
{
    [Fact]
    public void Encoders_of_one_package_fetch_it_once_with_all_that_either_wants()
    {
        var package = Assert.Single(FetchCommand.PackagesOf(["mobilenet-v2-mid", "inception-v3"]));
        Assert.Equal("nsfwjs", package.Name);
        Assert.Contains("dist/models/mobilenet_v2_mid/", package.Wanted);
        Assert.Contains("dist/models/inception_v3/", package.Wanted);
        Assert.Equal(package.Wanted.Count, package.Wanted.Distinct().Count());
    }

    [Fact]
    public void A_dataset_brings_its_packages() =>
        Assert.Equal(
            ["emoji-datasource-twitter", "emoji-datasource-google", "emojilib"], FetchCommand.PackagesOf(["emoji"]).Select(p => p.Name));

    [Fact]
    public async Task An_unknown_name_is_refused_before_anything_is_fetched()
    {
        var result = await new CliTester().Run("fetch", "use-light");
        Assert.Equal(1, result.Code);
        Assert.Contains("Did you mean 'use-lite'?", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Packages_that_are_here_are_told_apart_from_fetched_ones()
    {
        var here = new FetchedPackage("a@1", "/a", Reused: true, 0, TimeSpan.Zero);
        var fetched = new FetchedPackage("b@1", "/b", Reused: false, 62_000_000, TimeSpan.FromSeconds(9));
        Assert.Equal("1 package already here, recognised by hash", PackageFetch.Describe([here]));
        Assert.Equal("fetched b@1, 62 MB; 1 already here", PackageFetch.Describe([here, fetched]));
        Assert.Equal("fetched 4 packages, 248 MB", PackageFetch.Describe([fetched, fetched, fetched, fetched]));
    }
}
