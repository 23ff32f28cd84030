using FuseMix.Retrieval.Generations;
using FuseMix.Retrieval.Shards;
using FuseMix.Storage;
using FuseMix.Testing;

namespace FuseMix.Retrieval.Tests.Generations;

public sealed class CollectionStoreTests : IDisposable
{
    private static readonly GenerationSpec Spec = new("image-text", Fingerprint.Of("model"), 4, ["label"]);
    private readonly TemporaryFolder _folder = new();
    private readonly ManualTimeProvider _time = new();
    private readonly CollectionStore _store;

    public CollectionStoreTests() => _store = new CollectionStore(new FuseMixHome(_folder.Path), _time);

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_committed_generation_is_live_and_its_shards_open()
    {
        var manifest = Build("photos");
        Assert.Equal(
            ("photos", "image-text", Fingerprint.Of("model").Hex, 4, 15L),
            (manifest.Collection, manifest.Model, manifest.ModelFingerprint, manifest.Dimension, manifest.Count));
        Assert.Equal(_time.GetUtcNow(), manifest.CreatedAt);
        var live = _store.Live("photos")!;
        Assert.Equal(manifest.Generation, live.Generation);
        Assert.Equal(manifest.Shards, live.Shards);
        Assert.Equal(["photos"], _store.Collections());
        using var shard = _store.OpenShard(live, "image-0");
        Assert.Equal((manifest.Generation, 10), (shard.Generation, shard.Count));
        var error = Assert.Throws<FuseMixException>(() => _store.OpenShard(live, "image-1"));
        Assert.Equal((FailureKind.NotFound, "Did you mean 'image-0'?"), (error.Kind, error.Remedy));
    }

    [Fact]
    public void Nobody_sees_a_generation_before_its_commit()
    {
        var first = Build("photos");
        using var build = _store.Begin("photos", Spec);
        build.Write("image-0", Modality.Image, Items(3));
        Assert.Equal([first.Generation], _store.List("photos"));
        Assert.Equal(first.Generation, _store.Live("photos")!.Generation);
        Assert.Equal(FailureKind.NotFound, Assert.Throws<FuseMixException>(() => _store.MakeLive("photos", build.Generation)).Kind);
        var second = build.Commit(makeLive: false);
        Assert.Equal(first.Generation, _store.Live("photos")!.Generation);
        Assert.Equal([second.Generation, first.Generation], _store.List("photos"));
        Assert.Equal(second.Generation, _store.MakeLive("photos", second.Generation).Generation);
        Assert.Equal(second.Generation, _store.Live("photos")!.Generation);
        Assert.Throws<ObjectDisposedException>(() => build.Commit());
    }

    [Fact]
    public async Task Old_generations_can_go_while_the_others_are_listed()
    {
        var all = Enumerable.Range(0, 40).Select(_ => Build("photos").Generation).ToArray();
        var deleting = Task.Run(() =>
        {
            foreach (var old in all[..^1]) _store.Drop("photos", old);
        });
        do Assert.Equal(all[^1], _store.List("photos")[0]);
        while (!deleting.IsCompleted);
        await deleting;
        Assert.Equal([all[^1]], _store.List("photos"));
    }

    [Fact]
    public void A_build_that_is_late_does_not_undo_what_went_live_meanwhile()
    {
        var first = Build("photos").Generation;
        var second = Build("photos").Generation;
        Assert.False(_store.TryMakeLive("photos", first, insteadOf: first));
        Assert.Equal(second, _store.Live("photos")!.Generation);
        Assert.True(_store.TryMakeLive("photos", first, insteadOf: second));
        Assert.Equal(first, _store.Live("photos")!.Generation);
    }

    [Fact]
    public void An_earlier_generation_can_be_made_live_again_and_doing_it_twice_changes_nothing()
    {
        var all = Enumerable.Range(0, 3).Select(_ => Build("photos").Generation).ToArray();
        Assert.Equal(all[0], _store.MakeLive("photos", all[0]).Generation);
        Assert.Equal(all[0], _store.MakeLive("photos", all[0]).Generation);
        Assert.Equal(all[0], _store.Live("photos")!.Generation);
    }

    [Fact]
    public void A_shard_of_another_generation_is_refused()
    {
        var first = Build("photos");
        var second = Build("photos");
        File.Copy(FileOf(first, "image-0"), FileOf(second, "image-0"), overwrite: true);
        var error = Assert.Throws<FuseMixException>(() => _store.OpenShard(second, "image-0"));
        Assert.Equal(FailureKind.Corrupt, error.Kind);
        Assert.Contains($"generation '{first.Generation}'", error.Message, StringComparison.Ordinal);

        File.Copy(FileOf(second, "text-0"), FileOf(second, "image-0"), overwrite: true);
        Assert.Contains(
            "shard 'text-0'", Assert.Throws<FuseMixException>(() => _store.OpenShard(second, "image-0")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_shard_rewritten_within_its_generation_is_refused_by_its_checksum()
    {
        var manifest = Build("photos");
        var other = new ShardWriter(manifest.Generation, "image-0", Modality.Image, 4, ["label"]);
        foreach (var item in Items(10)) other.Add(item.Id, [0, 0, 0, 1]);
        other.Write(FileOf(manifest, "image-0"));
        var error = Assert.Throws<FuseMixException>(() => _store.OpenShard(manifest, "image-0"));
        Assert.Equal(FailureKind.Corrupt, error.Kind);
        Assert.Contains("SHA-256", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_missing_shard_file_is_named()
    {
        var manifest = Build("photos");
        File.Delete(FileOf(manifest, "text-0"));
        var error = Assert.Throws<FuseMixException>(() => _store.OpenShard(manifest, "text-0"));
        Assert.Equal(FailureKind.NotFound, error.Kind);
        Assert.Contains("text-0.fmshard", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Garbage_is_what_abandoned_builds_left_but_never_a_running_build()
    {
        var live = Build("photos");
        var abandoned = _store.Begin("photos", Spec);
        abandoned.Write("image-0", Modality.Image, Items(2));
        abandoned.Dispose();
        using var running = _store.Begin("photos", Spec);
        running.Write("image-0", Modality.Image, Items(2));

        Assert.Equal([abandoned.Generation], _store.CollectGarbage("photos"));
        Assert.Empty(_store.CollectGarbage("photos"));
        running.Write("text-0", Modality.Text, Items(2));
        Assert.Equal(2, running.Commit().Shards.Count);
        Assert.Equal([live.Generation], _store.CollectGarbage("photos", keep: 0));
        Assert.Equal([running.Generation], _store.List("photos"));
    }

    [Fact]
    public void Keeping_some_generations_deletes_the_oldest_and_never_the_live_one()
    {
        var all = Enumerable.Range(0, 4).Select(_ => Build("photos").Generation).ToArray();
        _store.MakeLive("photos", all[0]);
        Assert.Equal([all[2], all[1]], _store.CollectGarbage("photos", keep: 1));
        Assert.Equal([all[3], all[0]], _store.List("photos"));
        Assert.Equal(all[0], _store.Live("photos")!.Generation);
    }

    [Fact]
    public void Dropping_deletes_and_the_live_generation_cannot_be_dropped_alone()
    {
        var first = Build("photos");
        var second = Build("photos");
        Assert.Equal(FailureKind.Conflict, Assert.Throws<FuseMixException>(() => _store.Drop("photos", second.Generation)).Kind);
        _store.Drop("photos", first.Generation);
        Assert.Equal([second.Generation], _store.List("photos"));
        _store.Drop("photos");
        Assert.Empty(_store.Collections());
        Assert.Equal(FailureKind.NotFound, Assert.Throws<FuseMixException>(() => _store.Live("photos")).Kind);

        // Made anew, it has another id: nothing that remembers the old one can take the new one for it.
        Assert.NotEqual(first.Generation, Build("photos").Generation);
    }

    [Fact]
    public async Task A_dropped_collections_lock_stays_for_whoever_waits_for_it()
    {
        Build("photos");
        var path = Directory.GetFiles(_folder["collections"], "photos", SearchOption.AllDirectories).Single();
        using var held = FileLock.TryAcquire(path);
        Assert.NotNull(held);
        Task[] changing = [Task.Run(() => _store.Drop("photos")), Task.Run(() => _store.Begin("photos", Spec).Dispose())];
        held.Dispose();
        await Task.WhenAll(changing);
        _store.Begin("photos", Spec).Dispose();
        _store.Drop("photos");
        Assert.True(File.Exists(path));
        Assert.False(Directory.Exists(_folder["collections/photos"]));
    }

    [Fact]
    public void Unknown_and_dangerous_names_are_refused_and_make_no_folder()
    {
        Build("photos");
        var error = Assert.Throws<FuseMixException>(() => _store.Live("photo"));
        Assert.Equal((FailureKind.NotFound, "Did you mean 'photos'?"), (error.Kind, error.Remedy));
        foreach (var name in new[] { "../photos", "", "a/b", "Photos", "." })
        {
            Assert.ThrowsAny<FuseMixException>(() => _store.Live(name));
            Assert.ThrowsAny<FuseMixException>(() => _store.Begin(name, Spec));
            Assert.ThrowsAny<FuseMixException>(() => _store.Drop(name));
            Assert.ThrowsAny<FuseMixException>(() => _store.CollectGarbage(name));
            Assert.ThrowsAny<FuseMixException>(() => _store.Manifest("photos", name));
            Assert.ThrowsAny<FuseMixException>(() => _store.MakeLive(name, "g000001-aa"));
        }

        Assert.ThrowsAny<FuseMixException>(() => _store.CollectGarbage("phone"));
        Assert.Equal([".locks", "photos"], Directory.GetDirectories(_folder["collections"]).Select(Path.GetFileName).Order());
        Assert.ThrowsAny<FuseMixException>(() => _store.Begin("photos", Spec with { Dimension = 0 }));
        Assert.ThrowsAny<FuseMixException>(() => _store.Begin("photos", Spec with { Model = "../x" }));
        Assert.ThrowsAny<FuseMixException>(() => _store.Begin("photos", Spec with { Columns = ["a", "a"] }));
    }

    [Fact]
    public void A_build_without_shards_cannot_be_committed_and_a_bad_item_names_itself()
    {
        using var build = _store.Begin("photos", Spec);
        Assert.Contains("has no shards", Assert.Throws<FuseMixException>(() => build.Commit()).Message, StringComparison.Ordinal);
        Assert.Contains(
            "'bad'",
            Assert.Throws<FuseMixException>(() => build.Write("image-0", Modality.Image, [new IndexItem("bad", new float[4])])).Message,
            StringComparison.Ordinal);
        Assert.Null(_store.Live("photos"));
        Assert.Empty(_store.Collections());
        build.Write("image-0", Modality.Image, Items(1));
        Assert.Equal(5, build.Write("image-0", Modality.Image, Items(5)).Count);
        Assert.Equal(5, build.Commit().Count);
    }

    [Fact]
    public void Damaged_manifests_and_pointers_are_named()
    {
        var manifest = Build("photos");
        var path = Path.Combine(_folder["collections"], "photos", manifest.Generation, "manifest.json");
        var json = File.ReadAllText(path);
        foreach (var bad in new[]
        {
            "", "null", "{}", json[..^5], json.Replace("\"photos\"", "\"photo\"", StringComparison.Ordinal),
            json.Replace("image-0.fmshard", "../image-0.fmshard", StringComparison.Ordinal),
            json.Replace("\"dimension\"", "\"dimensions\"", StringComparison.Ordinal),
            json.Replace("\"count\": 10", "\"count\": 0", StringComparison.Ordinal),
        })
        {
            Assert.NotEqual(json, bad);
            File.WriteAllText(path, bad);
            var error = Assert.Throws<FuseMixException>(() => _store.Live("photos"));
            Assert.Equal(FailureKind.Corrupt, error.Kind);
            Assert.Contains("manifest.json", error.Message, StringComparison.Ordinal);
        }

        File.WriteAllText(path, json);
        File.WriteAllText(Path.Combine(_folder["collections"], "photos", "live.json"), "{");
        Assert.Contains("live.json", Assert.Throws<FuseMixException>(() => _store.Live("photos")).Message, StringComparison.Ordinal);
        File.WriteAllText(Path.Combine(_folder["collections"], "photos", "live.json"), "{\"generation\":\"g000009-aa\"}");
        Assert.Contains("g000009-aa", Assert.Throws<FuseMixException>(() => _store.Live("photos")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_fuzzed_manifest_is_refused_or_read()
    {
        var manifest = Build("photos");
        var path = Path.Combine(_folder["collections"], "photos", manifest.Generation, "manifest.json");
        foreach (var variant in Mutations.Of(File.ReadAllBytes(path), seed: 3, count: 2000))
        {
            File.WriteAllBytes(path, variant);
            try
            {
                var read = _store.Manifest("photos", manifest.Generation);
                Assert.All(read.Shards, shard => Assert.True(ResourceName.IsValid(shard.Name)));
            }
            catch (FuseMixException e)
            {
                Assert.Equal(FailureKind.Corrupt, e.Kind);
            }
        }
    }

    private GenerationManifest Build(string collection)
    {
        _time.Advance(TimeSpan.FromMinutes(1));
        using var build = _store.Begin(collection, Spec);
        build.Write("image-0", Modality.Image, Items(10));
        build.Write("text-0", Modality.Text, Items(5));
        return build.Commit();
    }

    private string FileOf(GenerationManifest manifest, string shard) =>
        Path.Combine(_folder["collections"], manifest.Collection, manifest.Generation, shard + ".fmshard");

    private static IEnumerable<IndexItem> Items(int count) => Enumerable.Range(0, count).Select(i =>
        new IndexItem($"item-{i}", Draw.UnitRows(1, 4, i), new Dictionary<string, string> { ["label"] = $"{i % 2}" }));
}
