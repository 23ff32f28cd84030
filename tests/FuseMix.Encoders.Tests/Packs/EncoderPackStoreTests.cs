using FuseMix.Encoders.Packs;
using FuseMix.Testing;

namespace FuseMix.Encoders.Tests.Packs;

public sealed class EncoderPackStoreTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly EncoderPackStore _store;

    public EncoderPackStoreTests() => _store = new EncoderPackStore(_folder["store"]);

    public void Dispose() => _folder.Dispose();

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
        _store.Add(_folder["mine"]);
        Assert.Equal("1", File.ReadAllText(_folder["store/mine/weights/more/part.data"]));
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
        _store.Add(TestPacks.Text(_folder["one"], name: "mine"));
        var other = EncoderPack.Load(TestPacks.Text(_folder["two"], name: "mine", dimension: 5));
        Assert.Equal(FailureKind.Conflict, Assert.Throws<FuseMixException>(() => _store.Add(other.Folder)).Kind);
        Assert.NotEqual(other.Fingerprint, _store.Load("mine").Fingerprint);
        _store.Add(other.Folder, replace: true);
        Assert.Equal(other.Fingerprint, _store.Verify("mine").Fingerprint);
        Assert.Equal(["mine"], Directory.GetFileSystemEntries(_store.Root).Select(Path.GetFileName));
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
    public void A_pack_that_was_changed_after_it_was_added_does_not_verify()
    {
        _store.Add(TestPacks.Text(_folder["mine"], name: "mine"));
        File.AppendAllText(_folder["store/mine/vocab.txt"], "more\n");
        Assert.Equal(FailureKind.Corrupt, Assert.Throws<FuseMixException>(() => _store.Verify("mine")).Kind);
    }

    [Fact]
    public void A_pack_put_there_by_hand_verifies_until_it_is_added_in_place_and_changed()
    {
        TestPacks.Text(_folder["store/mine"], name: "mine");
        _store.Verify("mine");
        _store.Add(_folder["store/mine"]);
        File.AppendAllText(_folder["store/mine/vocab.txt"], "more\n");
        Assert.Throws<FuseMixException>(() => _store.Verify("mine"));
    }

    [Fact]
    public void A_folder_whose_pack_has_another_name_is_refused()
    {
        TestPacks.Text(_folder["store/mine"], name: "yours");
        Assert.Contains("'yours'", Assert.Throws<FuseMixException>(() => _store.Load("mine")).Message);
    }

    [Fact]
    public void Half_copied_packs_are_not_listed()
    {
        Directory.CreateDirectory(_folder["store/.mine.0.tmp"]);
        File.WriteAllText(_folder["store/.mine.0.tmp/encoder.json"], "{}");
        Directory.CreateDirectory(_folder["store/empty"]);
        Assert.Empty(_store.List());
    }

    [Fact]
    public void A_removed_pack_is_gone_and_unknown()
    {
        _store.Add(TestPacks.Text(_folder["mine"], name: "mine"));
        _store.Remove("mine");
        Assert.Empty(Directory.GetFileSystemEntries(_store.Root));
        Assert.Equal(FailureKind.NotFound, Assert.Throws<FuseMixException>(() => _store.Remove("mine")).Kind);
    }
}
