namespace FuseMix.Storage.Tests.Regressions;

/// <summary>The kind "the command line interprets text": a '~' that no shell has read makes no folder of that name.</summary>
public sealed class TildeTests
{
    private static readonly string Own = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);

    [Fact]
    public void It_is_the_users_folder_at_the_beginning_of_a_path()
    {
        Assert.Equal(Path.Combine(Own, "fm"), new FuseMixHome("~/fm").Root);
        Assert.Equal(Path.Combine(Own, "fm"), UserPath.Expand("~//fm"));
        Assert.Equal(Path.TrimEndingDirectorySeparator(Own), new FuseMixHome("~").Root);
    }

    [Theory]
    [InlineData("./~")]
    [InlineData("a/~/b")]
    [InlineData("~backup")]
    [InlineData("/~")]
    [InlineData("")]
    public void Elsewhere_it_is_a_letter(string path) => Assert.Equal(path, UserPath.Expand(path));
}
