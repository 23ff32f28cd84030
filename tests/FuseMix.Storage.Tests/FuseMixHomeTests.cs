using FuseMix.Testing;

namespace FuseMix.Storage.Tests;

public sealed class FuseMixHomeTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_option_goes_before_the_variable_and_the_variable_before_the_default()
    {
        var before = Environment.GetEnvironmentVariable(FuseMixHome.EnvironmentVariable);
        try
        {
            Environment.SetEnvironmentVariable(FuseMixHome.EnvironmentVariable, _folder["variable"]);
            Assert.Equal(_folder["option"], FuseMixHome.Resolve(_folder["option"]).Root);
            Assert.Equal(_folder["variable"], FuseMixHome.Resolve().Root);
            Assert.Equal(_folder["variable"], FuseMixHome.Resolve(" ").Root);
            Environment.SetEnvironmentVariable(FuseMixHome.EnvironmentVariable, null);
            Assert.Equal(Path.GetFullPath(".fusemix"), FuseMixHome.Resolve().Root);
        }
        finally
        {
            Environment.SetEnvironmentVariable(FuseMixHome.EnvironmentVariable, before);
        }
    }

    [Fact]
    public void A_fresh_home_gets_its_sub_folders()
    {
        var home = new FuseMixHome(_folder["home"]).EnsureWritable();
        Assert.Equal(
            ["collections", "datasets", "encoders", "latents", "models", "packages", "runs", "state"],
            Directory.GetFileSystemEntries(home.Root).Select(Path.GetFileName).Order());
    }

    [Fact]
    public void A_home_that_cannot_be_used_is_named_with_the_way_out()
    {
        File.WriteAllText(_folder["file"], "");
        var refused = Assert.Throws<FuseMixException>(() => new FuseMixHome(_folder["file"]).EnsureWritable());
        Assert.Equal(FailureKind.Unavailable, refused.Kind);
        Assert.Contains(_folder["file"], refused.Message);
        Assert.Contains("--home", refused.Remedy);
    }

    [Fact]
    public void Paths_in_the_home_are_recorded_relative_so_that_it_can_move()
    {
        var home = new FuseMixHome(_folder["home"]);
        var inside = Path.Combine(home.Packages, "a", "b.png");
        Assert.Equal("packages/a/b.png", home.Portable(inside));
        Assert.Equal(inside, home.Locate("packages/a/b.png"));
        Assert.Equal(_folder["homes/b.png"], home.Portable(_folder["homes/b.png"]));
        Assert.Equal(_folder["b.png"], home.Locate(home.Portable(_folder["home/../b.png"])));
        Assert.Equal("..b.png", home.Portable(_folder["home/..b.png"]));
    }
}
