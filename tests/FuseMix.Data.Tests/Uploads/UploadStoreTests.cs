using FuseMix.Data.Uploads;
using FuseMix.Storage;
using FuseMix.Testing;

namespace FuseMix.Data.Tests.Uploads;

public sealed class UploadStoreTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly ManualTimeProvider _clock = new();
    private readonly UploadStore _store;

    public UploadStoreTests() => _store = new UploadStore(new FuseMixHome(_folder.Path), _clock);

    private string[] Incoming => Entries(".incoming");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void An_upload_that_nobody_takes_leaves_nothing()
    {
        using (var upload = _store.Begin())
        {
            File.WriteAllText(Path.Combine(upload.Folder, "half.png"), "x");
            Assert.NotEmpty(Incoming);
        }

        Assert.Empty(Incoming);
    }

    [Fact]
    public async Task What_is_entered_has_a_place_that_stays()
    {
        string place;
        using (var upload = Arrived("one"))
        {
            place = await _store.Enter(upload, "mine", folder => Task.FromResult(folder), TestContext.Current.CancellationToken);
        }

        Assert.Equal("one", File.ReadAllText(Path.Combine(place, "file.txt")));
        Assert.Empty(Incoming);
    }

    [Fact]
    public async Task An_import_that_fails_leaves_what_was_there()
    {
        var first = await Enter("one");
        using (var upload = Arrived("two"))
        {
            await Assert.ThrowsAsync<FuseMixException>(() => _store.Enter<string>(
                upload,
                "mine",
                _ => throw new FuseMixException(FailureKind.Invalid, "It is empty."),
                TestContext.Current.CancellationToken));
        }

        Assert.Equal([first], Entries("mine"));
        Assert.Empty(Incoming);
    }

    [Fact]
    public async Task The_version_before_stays_and_older_ones_go()
    {
        var places = new List<string>();
        for (var i = 0; i < 4; i++)
        {
            places.Add(await Enter($"{i}"));
            _clock.Advance(TimeSpan.FromSeconds(1));
        }

        Assert.Equal(places[2..], Entries("mine"));
    }

    [Fact]
    public async Task Removing_a_dataset_removes_all_that_came_for_it_and_nothing_else()
    {
        _ = await Enter("one");
        _ = await Enter("two", "other");
        _store.Remove("mine");
        _store.Remove("mine");
        Assert.Empty(Entries("mine"));
        Assert.Single(Entries("other"));
    }

    [Fact]
    public void What_a_dead_process_left_goes_and_what_a_live_one_writes_stays()
    {
        var dead = Directory.CreateDirectory(Path.Combine(_folder.Path, "uploads", ".incoming", "dead")).FullName;
        File.WriteAllText($"{dead}.lock", "");
        using var live = _store.Begin();
        using var another = _store.Begin();
        Assert.False(Directory.Exists(dead) || File.Exists($"{dead}.lock"));
        Assert.True(Directory.Exists(live.Folder) && Directory.Exists(another.Folder));
    }

    [Theory]
    [InlineData("../mine")]
    [InlineData(".incoming")]
    [InlineData("")]
    public async Task A_name_that_is_none_is_refused(string name)
    {
        using var upload = _store.Begin();
        await Assert.ThrowsAsync<FuseMixException>(
            () => _store.Enter(upload, name, Task.FromResult, TestContext.Current.CancellationToken));
        Assert.Throws<FuseMixException>(() => _store.Remove(name));
        Assert.True(Directory.Exists(upload.Folder));
    }

    private async Task<string> Enter(string content, string dataset = "mine")
    {
        using var upload = Arrived(content);
        return await _store.Enter(upload, dataset, Task.FromResult);
    }

    private Upload Arrived(string content)
    {
        var upload = _store.Begin();
        File.WriteAllText(Path.Combine(upload.Folder, "file.txt"), content);
        return upload;
    }

    private string[] Entries(string folder)
    {
        var path = Path.Combine(_folder.Path, "uploads", folder);
        return Directory.Exists(path) ? [.. Directory.GetFileSystemEntries(path).Order(StringComparer.Ordinal)] : [];
    }
}
