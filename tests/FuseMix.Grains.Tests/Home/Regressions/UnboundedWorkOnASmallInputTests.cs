using FuseMix.Grains.Home;
using FuseMix.Storage;
using FuseMix.Testing;
using FuseMix.Testing.Clusters;

namespace FuseMix.Grains.Tests.Home.Regressions;

/// <summary>What is registered lies in the home's <c>imports</c>, whatever links say.</summary>
public sealed class UnboundedWorkOnASmallInputTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly FuseMixHome _home;
    private readonly HomeFiles _files;

    public UnboundedWorkOnASmallInputTests()
    {
        _home = new FuseMixHome(_folder["home"]).EnsureWritable();
        _files = HomeFiles.Of(_home);
        Picture("elsewhere/secret.png", 1);
        Picture("home/imports/here/one.png", 2);
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_folder_that_is_a_link_out_of_imports_is_refused()
    {
        Directory.CreateSymbolicLink(_folder["home/imports/outside"], _folder["elsewhere"]);
        var refused = await Assert.ThrowsAsync<FuseMixException>(
            () => _files.RegisterDataset("mine", "outside", TestContext.Current.CancellationToken));
        Assert.Equal(FailureKind.Invalid, refused.Kind);
        Assert.Contains("'outside' in 'imports' is a link that leads out", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Links_out_of_the_folder_are_recorded_and_a_link_within_imports_is_followed()
    {
        Directory.CreateSymbolicLink(_folder["home/imports/here/out"], _folder["elsewhere"]);
        File.CreateSymbolicLink(_folder["home/imports/here/two.png"], _folder["elsewhere/secret.png"]);
        Directory.CreateSymbolicLink(_folder["home/imports/alias"], _folder["home/imports/here"]);
        foreach (var name in (string[])["here", "alias"])
        {
            var imported = await _files.RegisterDataset("mine", name, TestContext.Current.CancellationToken);
            Assert.Equal((1, 2), (imported.Items[Modality.Image], imported.Failures));
        }
    }

    [Fact]
    public async Task A_home_that_is_itself_behind_a_link_is_none_that_leads_out()
    {
        Directory.CreateSymbolicLink(_folder["alias"], _folder["home"]);
        var imported = await HomeFiles.Of(new FuseMixHome(_folder["alias"])).RegisterDataset(
            "mine", "here", TestContext.Current.CancellationToken);
        Assert.Equal((1, 0), (imported.Items[Modality.Image], imported.Failures));
    }

    private void Picture(string path, int seed)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(_folder[path])!);
        File.WriteAllBytes(_folder[path], TestHome.Picture(seed));
    }
}
