using FuseMix.Encoders.Packs;
using FuseMix.Storage;
using FuseMix.Testing;

namespace FuseMix.Encoders.Tests.Packs;

public sealed class EncoderPackStoreTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly EncoderPackStore _store;

    public EncoderPackStoreTests() => _store = new EncoderPackStore(_folder["store"]);

    public void Dispose()
    {
        Faults.OnStep = null;
        _folder.Dispose();
    }

    [Fact]
    public void A_store_that_is_not_there_yet_is_empty() => Assert.Empty(_store.List());

    [Fact]
    public void An_added_pack_is_listed_and_loaded_with_its_fingerprint()
    {
        var source = EncoderPack.Load(TestPacks.Text(_folder["mine"], name: "mine"));
        var added = _store.Add(source.Folder);
        Assert.Equal(["mine"], _store.List());
        Assert.Equal(source.Fingerprint, added.Fingerprint);
        Assert.Equal(source.Fingerprint, _store.Load("mine").Fingerprint);
        Assert.Equal(source.Fingerprint, _store.Verify("mine").Fingerprint);
    }

    [Fact]
    public void Files_in_subfolders_are_installed_too()
    {
        TestPacks.Text(_folder["mine"], name: "mine");
        Directory.CreateDirectory(_folder["mine/weights/more"]);
        File.WriteAllText(_folder["mine/weights/more/part.data"], "1");
        var added = _store.Add(_folder["mine"]);
        Assert.Equal("1", File.ReadAllText(Path.Combine(added.Folder, "weights/more/part.data")));
    }

    [Fact]
    public void Adding_the_same_pack_again_changes_nothing()
    {
        TestPacks.Text(_folder["mine"], name: "mine");
        var first = _store.Add(_folder["mine"]);
        Assert.Equal(first.Fingerprint, _store.Add(_folder["mine"]).Fingerprint);
    }

    [Fact]
    public void Another_content_under_the_same_name_is_refused_unless_asked_for()
    {
        var one = _store.Add(TestPacks.Text(_folder["one"], name: "mine"));
        var other = EncoderPack.Load(TestPacks.Text(_folder["two"], name: "mine", dimension: 5));
        Assert.Equal(FailureKind.Conflict, Assert.Throws<FuseMixException>(() => _store.Add(other.Folder)).Kind);
        Assert.Equal(one.Fingerprint, _store.Load("mine").Fingerprint);
        _store.Add(other.Folder, replace: true);
        Assert.Equal(other.Fingerprint, _store.Verify("mine").Fingerprint);
        Assert.Equal(["mine"], _store.List());

        // Whatever was made with the earlier one finds it still.
        Assert.Equal(one.Fingerprint, _store.Load("mine", one.Fingerprint).Fingerprint);
        Assert.Equal(one.Folder, _store.Add(_folder["one"], replace: true).Folder);
        Assert.Equal(one.Fingerprint, _store.Load("mine").Fingerprint);
    }

    [Fact]
    public void A_crash_at_any_step_of_a_replacement_leaves_the_old_pack_or_the_new_one()
    {
        var (one, two) = (TestPacks.Text(_folder["one"], name: "mine"), TestPacks.Text(_folder["two"], name: "mine", dimension: 5));
        Fingerprint[] known = [EncoderPack.Load(one).Fingerprint, EncoderPack.Load(two).Fingerprint];
        var steps = 0;
        for (var stop = 0; ; stop++)
        {
            if (Directory.Exists(_store.Root)) Directory.Delete(_store.Root, recursive: true);
            _store.Add(one);
            steps = 0;
            Faults.OnStep = step =>
            {
                if (steps++ == stop) throw new SimulatedCrash(step);
            };
            var crashed = Record.Exception(() => _store.Add(two, replace: true));
            Faults.OnStep = null;
            Assert.Equal(["mine"], _store.List());
            Assert.Contains(_store.Verify("mine").Fingerprint, known);
            if (crashed is null) break;
            Assert.IsType<SimulatedCrash>(crashed);
            Assert.Equal(known[1], _store.Add(two, replace: true).Fingerprint);
        }

        // Three files in three steps each, the folder in two, the pointer in three.
        Assert.Equal(14, steps);
    }

    [Fact]
    public void A_pack_that_nothing_is_made_with_goes_and_one_that_was_removed_stays_for_what_is()
    {
        var now = new DateTimeOffset(2026, 5, 1, 12, 0, 0, TimeSpan.Zero);
        var one = _store.Add(TestPacks.Text(_folder["one"], name: "mine"));
        var two = _store.Add(TestPacks.Text(_folder["two"], name: "mine", dimension: 5), replace: true);
        _store.Remove("mine");
        Assert.Empty(_store.List());
        Assert.Equal([two.Folder], _store.CollectGarbage(new HashSet<NamedContent> { new("mine", one.Fingerprint) }, now, removed: "mine"));
        Assert.Equal(one.Fingerprint, _store.Load("mine", one.Fingerprint).Fingerprint);
        var gone = Assert.Throws<FuseMixException>(() => _store.Load("mine", two.Fingerprint));
        Assert.Equal(FailureKind.NotFound, gone.Kind);
        Assert.Contains(two.Fingerprint.Short, gone.Message);
    }

    [Fact]
    public void An_installed_pack_is_read_through_once_however_often_it_is_loaded_and_again_when_it_is_verified()
    {
        var added = _store.Add(TestPacks.Text(_folder["mine"], name: "mine"));
        foreach (var file in Directory.EnumerateFiles(added.Folder)) File.SetLastWriteTimeUtc(file, DateTime.UtcNow.AddMinutes(-1));
        var read = 0L;
        FileChecksum.Hashed += Count;
        try
        {
            for (var i = 0; i < 3; i++) _store.Load("mine");
            Assert.Equal(added.Bytes, read);
            _store.Verify("mine");
            Assert.Equal(2 * added.Bytes, read);
        }
        finally
        {
            FileChecksum.Hashed -= Count;
        }

        void Count(string path, long bytes)
        {
            if (path.StartsWith(_store.Root, StringComparison.Ordinal)) read += bytes;
        }
    }

    [Fact]
    public void A_pack_that_cannot_be_read_leaves_no_trace()
    {
        File.Delete(Path.Combine(TestPacks.Text(_folder["mine"], name: "mine"), "model.onnx"));
        Assert.Throws<FuseMixException>(() => _store.Add(_folder["mine"]));
        Assert.False(Directory.Exists(_store.Root));
    }

    [Fact]
    public void An_unknown_name_is_refused_with_the_nearest_one()
    {
        _store.Add(TestPacks.Text(_folder["mine"], name: "use-lite"));
        var refused = Assert.Throws<FuseMixException>(() => _store.Load("use-light"));
        Assert.Equal(FailureKind.NotFound, refused.Kind);
        Assert.Contains("'use-lite'", refused.Remedy);
    }

    [Theory]
    [InlineData("../mine")]
    [InlineData("")]
    [InlineData(".mine.tmp")]
    public void A_path_is_no_name(string name) =>
        Assert.Equal(FailureKind.Invalid, Assert.Throws<FuseMixException>(() => _store.Load(name)).Kind);

    [Fact]
    public void A_pack_that_was_changed_after_it_was_added_does_not_verify_and_is_mended_by_adding_it_again()
    {
        var added = _store.Add(TestPacks.Text(_folder["mine"], name: "mine"));
        File.AppendAllText(Path.Combine(added.Folder, "vocab.txt"), "more\n");
        Assert.Equal(FailureKind.Corrupt, Assert.Throws<FuseMixException>(() => _store.Verify("mine")).Kind);
        Assert.Equal(FailureKind.Corrupt, Assert.Throws<FuseMixException>(() => _store.Load("mine")).Kind);
        Assert.Equal(added.Fingerprint, _store.Add(_folder["mine"]).Fingerprint);
        _store.Verify("mine");
    }

    [Fact]
    public void A_pack_put_there_by_hand_is_told_how_to_be_installed()
    {
        var folder = TestPacks.Text(_folder["store/mine"], name: "mine");
        Assert.Empty(_store.List());
        var refused = Assert.Throws<FuseMixException>(() => _store.Load("mine"));
        Assert.Equal(FailureKind.NotFound, refused.Kind);
        Assert.EndsWith($"encoders add {folder}", refused.Remedy);
        Assert.Equal(_store.Add(folder).Fingerprint, _store.Verify("mine").Fingerprint);
    }

    [Fact]
    public void Half_copied_packs_are_not_listed()
    {
        Directory.CreateDirectory(_folder["store/mine/.0.tmp"]);
        File.WriteAllText(_folder["store/mine/.0.tmp/encoder.json"], "{}");
        Directory.CreateDirectory(_folder["store/empty"]);
        Assert.Empty(_store.List());
    }

    [Fact]
    public void A_removed_pack_is_gone_and_unknown()
    {
        _store.Add(TestPacks.Text(_folder["mine"], name: "mine"));
        _store.Remove("mine");
        Assert.Empty(_store.List());
        Assert.Equal(FailureKind.NotFound, Assert.Throws<FuseMixException>(() => _store.Remove("mine")).Kind);
    }
}
