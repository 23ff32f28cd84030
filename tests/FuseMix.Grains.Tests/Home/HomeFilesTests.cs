using FuseMix.Contracts.Catalog;
using FuseMix.Data.Datasets;
using FuseMix.Grains.Home;
using FuseMix.Storage;
using FuseMix.Testing;
using FuseMix.Testing.Clusters;

namespace FuseMix.Grains.Tests.Home;

public sealed class HomeFilesTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly FuseMixHome _home;
    private readonly HomeFiles _files;

    public HomeFilesTests()
    {
        _home = new FuseMixHome(_folder["home"]).EnsureWritable();
        _files = HomeFiles.Of(_home);
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_dataset_that_is_imported_again_from_the_same_place_is_not_written_again()
    {
        await Import("here", "one.png");
        var written = Written();
        await Import("here", "one.png");
        Assert.Equal(written, Written());
    }

    [Fact]
    public async Task A_dataset_that_has_moved_is_read_where_it_is_now()
    {
        var before = await Import("here", "one.png");
        Directory.Move(_folder["here"], _folder["there"]);
        var after = await Import("there", "one.png");
        Assert.Equal(before.Fingerprint, after.Fingerprint);
        Assert.Equal(TestHome.Picture(1), (await _files.Content("mine", "one.png", TestContext.Current.CancellationToken)).Bytes);
    }

    [Fact]
    public async Task A_dataset_that_is_damaged_is_mended_by_importing_it_again()
    {
        await Import("here", "one.png");
        await File.AppendAllTextAsync(
            Directory.GetFiles(Path.Combine(_home.Datasets, "mine"), "items-*.jsonl").Single(), "?", TestContext.Current.CancellationToken);
        await Import("here", "one.png");
        Assert.Single(new DatasetStore(_home).Load("mine").Items);
    }

    private Task<DatasetSummary> Import(string folder, string file)
    {
        Directory.CreateDirectory(_folder[folder]);
        File.WriteAllBytes(Path.Combine(_folder[folder], file), TestHome.Picture(1));
        return _files.PutDataset("mine", new DatasetSource(DatasetFormat.Folder, _folder[folder]) { About = "Pictures." });
    }

    private DateTime Written() => File.GetLastWriteTimeUtc(Path.Combine(_home.Datasets, "mine", "dataset.json"));
}
