using FuseMix.Data.Datasets;
using FuseMix.Core.Evaluation;
using FuseMix.Storage;
using FuseMix.Testing;

namespace FuseMix.Data.Tests.Datasets;

public sealed class DatasetStoreTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly FuseMixHome _home;
    private readonly DatasetStore _store;

    public DatasetStoreTests()
    {
        _home = new FuseMixHome(_folder["home"]).EnsureWritable();
        _store = new DatasetStore(_home);
    }

    public void Dispose()
    {
        Faults.OnStep = null;
        _folder.Dispose();
    }

    [Fact]
    public void What_is_saved_is_loaded()
    {
        File.WriteAllText(_folder["home/a.png"], "picture");
        var dataset = new Dataset(
            _home, "emoji", "CC-BY", "About “it”.",
            [SampleData.File(_home, "a", _folder["home/a.png"]), SampleData.Text("t", "é 😀\nline"), SampleData.Text("u", "two", split: Split.Test)],
            [new("a", "t")],
            [new("b.png", "it is empty")],
            ["3 merges"]);
        _store.Save(dataset);

        var loaded = _store.Load("emoji");
        Assert.Equal(dataset.Fingerprint, loaded.Fingerprint);
        Assert.Equal(("emoji", "CC-BY", "About “it”."), (loaded.Name, loaded.Licence, loaded.About));
        Assert.Equal("é 😀\nline", loaded.ReadText(loaded.Item("t")));
        Assert.Equal("picture"u8.ToArray(), loaded.ReadBytes(loaded.Item("a")));
        Assert.Equal("twitter", loaded.Item("a").Metadata["vendor"]);
        Assert.Equal("a.png", loaded.Item("a").File);
        Assert.Equal(Split.Test, loaded.Item("u").Split);
        Assert.Equal(dataset.Pairs, loaded.Pairs);
        Assert.Equal(dataset.Failures, loaded.Failures);
        Assert.Equal(dataset.Notices, loaded.Notices);
        Assert.Equal(["t", "u"], loaded.ItemsOf(Modality.Text).Select(i => i.Id));
        Assert.Empty(loaded.ItemsOf(Modality.Audio));
        Assert.Equal([new DatasetPair("a", "t")], loaded.PairsOf(Modality.Image, Modality.Text, Split.Train));
        Assert.Empty(loaded.PairsOf(Modality.Image, Modality.Text, Split.Test));
    }

    [Fact]
    public void Folds_divide_what_is_not_of_the_test_split_by_groups()
    {
        const int Folds = 3;
        var items = Enumerable.Range(0, 60).SelectMany(
            group => (DatasetItem[])[Text($"a{group}", group), Text($"b{group}", group)]).ToArray();
        DatasetPair[] pairs =
            [.. Enumerable.Range(0, 60).Select(group => new DatasetPair($"a{group}", $"b{group}")), new("a0", "b4"), new("a4", "b0")];
        var dataset = SampleData.Of(_home, "d", items, pairs);
        var folds = Enumerable.Range(1, Folds).Select(number => new Fold(number, Folds)).ToArray();
        var whole = pairs.Where(pair => dataset.Item(pair.First).Split != Split.Test).ToHashSet();

        var held = folds.Select(fold => Pairs(Split.Validation, fold)).ToArray();
        var (across, within) = (pairs[60..], pairs[..60].Where(whole.Contains).ToArray());
        Assert.Equal(within.OrderBy(pair => pair.First), held.SelectMany(pairs => pairs).Except(across).OrderBy(pair => pair.First));
        foreach (var (fold, validation) in folds.Zip(held))
        {
            Assert.NotEmpty(validation);
            Assert.All(
                validation, pair => Assert.True(fold.Holds(dataset.Item(pair.First).Group) && fold.Holds(dataset.Item(pair.Second).Group)));
            var train = Pairs(Split.Train, fold);
            Assert.All(
                train, pair => Assert.False(fold.Holds(dataset.Item(pair.First).Group) || fold.Holds(dataset.Item(pair.Second).Group)));
            Assert.Equal(within.Length, train.Except(across).Count() + validation.Except(across).Count());
            Assert.Equal(Pairs(Split.Test, null), Pairs(Split.Test, fold));
        }

        // Groups 0 and 4 are in different folds of three: pairs of both are learnt from only where neither is held out, and never measured.
        Assert.Equal([0, 0, 0], held.Select(pairs => pairs.Intersect(across).Count()));
        Assert.Equal([0, 0, 2], folds.Select(fold => Pairs(Split.Train, fold).Intersect(across).Count()).Order());

        IReadOnlyList<DatasetPair> Pairs(Split split, Fold? fold) => dataset.PairsOf(Modality.Text, Modality.Text, split, fold);

        static DatasetItem Text(string id, int group) =>
            SampleData.Text(id, id) with
            {
                Group = $"g{group}",
                Split = group % 4 == 3 ? Split.Test : group % 4 == 2 ? Split.Validation : Split.Train,
            };
    }

    [Fact]
    public void A_moved_home_still_finds_its_files()
    {
        File.WriteAllText(_folder["home/a.png"], "picture");
        _store.Save(SampleData.Of(_home, "d", [SampleData.File(_home, "a", _folder["home/a.png"])]));
        Directory.Move(_folder["home"], _folder["moved"]);
        var loaded = new DatasetStore(new FuseMixHome(_folder["moved"])).Load("d");
        Assert.Equal("picture"u8.ToArray(), loaded.ReadBytes(loaded.Items[0]));
    }

    [Fact]
    public void The_list_has_the_counts_of_every_dataset()
    {
        File.WriteAllText(_folder["a.png"], "picture");
        _store.Save(
            SampleData.Of(
                _home, "b", [SampleData.Text("t", "one"), SampleData.File(_home, "a", _folder["a.png"])], new DatasetPair("a", "t")));
        _store.Save(SampleData.Of(_home, "a", [SampleData.Text("t", "one")]));
        var list = _store.List();
        Assert.Equal(["a", "b"], list.Select(d => d.Name));
        Assert.Equal([new ItemCount(Modality.Image, 1, 7), new ItemCount(Modality.Text, 1, 3)], list[1].Items);
        Assert.Equal([new PairCount(Modality.Image, Modality.Text, Split.Train, 1)], list[1].Pairs);
        Assert.Equal(2, list[1].Groups);
        Assert.Equal(1, list[1].PairsIn(Split.Train));
    }

    [Fact]
    public void An_unknown_dataset_is_answered_with_the_nearest_name()
    {
        _store.Save(SampleData.Of(_home, "emoji", [SampleData.Text("t", "one")]));
        foreach (var act in (Action[])[() => _store.Load("emojy"), () => _store.Remove("emojy")])
        {
            var unknown = Assert.Throws<FuseMixException>(act);
            Assert.Equal(FailureKind.NotFound, unknown.Kind);
            Assert.Contains("'emoji'", unknown.Remedy);
        }

        Assert.Equal(FailureKind.Invalid, Assert.Throws<FuseMixException>(() => _store.Load("../emoji")).Kind);
    }

    [Fact]
    public void A_removed_dataset_is_gone_and_its_files_stay()
    {
        File.WriteAllText(_folder["a.png"], "picture");
        _store.Save(SampleData.Of(_home, "d", [SampleData.File(_home, "a", _folder["a.png"])]));
        _store.Remove("d");
        Assert.False(_store.Exists("d"));
        Assert.Empty(_store.List());
        Assert.True(File.Exists(_folder["a.png"]));
    }

    [Theory]
    [InlineData("items-*.jsonl")]
    [InlineData("pairs-*.jsonl")]
    [InlineData("dataset.json")]
    public void A_truncated_file_is_refused_by_name(string file)
    {
        File.WriteAllText(_folder["a.png"], "picture");
        _store.Save(
            SampleData.Of(
                _home, "d", [SampleData.Text("t", "one"), SampleData.File(_home, "a", _folder["a.png"])], new DatasetPair("a", "t")));
        var path = Directory.GetFiles(Path.Combine(_home.Datasets, "d"), file).Single();
        File.WriteAllText(path, File.ReadAllText(path)[..^3]);
        var damaged = Assert.Throws<FuseMixException>(() => _store.Load("d"));
        Assert.Equal(FailureKind.Corrupt, damaged.Kind);
        Assert.Contains(Path.GetFileName(path), damaged.Message);
        Assert.Contains("again", damaged.Remedy);
    }

    [Fact]
    public void A_crash_at_any_step_of_a_save_leaves_the_old_dataset_or_the_new_one()
    {
        var old = SampleData.Of(_home, "d", [SampleData.Text("t", "old")]);
        var fresh = SampleData.Of(_home, "d", [SampleData.Text("t", "new")]);
        var steps = 0;
        for (var stop = 0; ; stop++)
        {
            Faults.OnStep = null;
            _store.Save(old);
            steps = 0;
            Faults.OnStep = step =>
            {
                if (steps++ == stop) throw new SimulatedCrash(step);
            };
            var crashed = Record.Exception(() => _store.Save(fresh)) is SimulatedCrash;
            Faults.OnStep = null;
            Assert.Contains(_store.Load("d").Items[0].Text, crashed ? ["old", "new"] : (string[])["new"]);
            Assert.Single(_store.List());
            if (!crashed) break;
        }

        // Four files of three steps each.
        Assert.Equal(12, steps);
        Assert.Equal(["d"], Directory.GetDirectories(_home.Datasets).Select(Path.GetFileName).Where(n => n != ".locks"));
        Assert.Equal(4, Directory.GetFileSystemEntries(Path.Combine(_home.Datasets, "d")).Length);
    }

    [Fact]
    public async Task Who_reads_waits_for_nobody_who_writes()
    {
        _store.Save(SampleData.Of(_home, "d", [SampleData.Text("t", "old")]));
        using var writing = FileLock.TryAcquire(Path.Combine(_home.Datasets, ".locks", "d"));
        Assert.NotNull(writing);
        var reading = Task.Run(() => (_store.Describe("d"), _store.List(), _store.Load("d")), TestContext.Current.CancellationToken);
        await reading.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task Whoever_reads_while_others_write_sees_one_version_whole()
    {
        const int Versions = 60;
        _store.Save(Version(0));
        var writing = Task.Run(() =>
        {
            for (var version = 1; version <= Versions; version++) _store.Save(Version(version));
        });
        while (!writing.IsCompleted)
        {
            var seen = _store.Load("d");
            Assert.Single(seen.Items.Select(item => item.Text).Distinct());
            Assert.Equal(seen.About, seen.Items[0].Text);
            await Task.Yield();
        }

        await writing;
        Assert.Equal($"{Versions}", _store.Load("d").About);

        Dataset Version(int number) =>
            new(
                _home,
                "d",
                "CC0",
                $"{number}",
                [.. Enumerable.Range(0, 20).Select(i => SampleData.Text($"t{i}", $"{number}"))],
                [],
                [],
                []);
    }

    [Fact]
    public void A_dataset_that_is_about_to_appear_is_not_there_yet()
    {
        Faults.OnStep = step =>
        {
            if (!step.StartsWith("written dataset.json", StringComparison.Ordinal)) return;
            Assert.Empty(_store.List());
            Assert.Equal(FailureKind.NotFound, Assert.Throws<FuseMixException>(() => _store.Describe("d")).Kind);
        };
        _store.Save(SampleData.Of(_home, "d", [SampleData.Text("t", "one")]));
        Assert.Single(_store.List());
    }

    [Fact]
    public void A_file_that_is_missing_or_was_changed_since_the_import_is_named()
    {
        File.WriteAllText(_folder["a.png"], "picture");
        var dataset = SampleData.Of(_home, "d", [SampleData.File(_home, "a", _folder["a.png"])]);
        File.WriteAllText(_folder["a.png"], "picturE");
        var changed = Assert.Throws<FuseMixException>(() => dataset.ReadBytes(dataset.Items[0]));
        Assert.Equal(FailureKind.Corrupt, changed.Kind);
        Assert.Contains(_folder["a.png"], changed.Message);
        File.Delete(_folder["a.png"]);
        var missing = Assert.Throws<FuseMixException>(() => dataset.ReadBytes(dataset.Items[0]));
        Assert.Equal(FailureKind.NotFound, missing.Kind);
        Assert.Contains("is missing", missing.Message);
        Assert.Contains("not a text", Assert.Throws<FuseMixException>(() => dataset.ReadText(dataset.Items[0])).Message);
    }

    [Fact]
    public void An_inconsistent_dataset_cannot_be_made()
    {
        Refused("appears twice", [SampleData.Text("t", "a"), SampleData.Text("t", "b")]);
        Refused("not a valid item id", [SampleData.Text("a\nb", "a")]);
        Refused("not a valid item id", [SampleData.Text("\ud800", "a")]);
        Refused("surrogate", [SampleData.Text("t", "a\ud800") with { Size = 1 }]);
        Refused("does not exist", [SampleData.Text("t", "a")], new DatasetPair("t", "u"));
        Refused("spans two splits", [SampleData.Text("t", "a"), SampleData.Text("u", "b", split: Split.Test)], new DatasetPair("t", "u"));
        Refused("either a text or a file", [SampleData.Text("t", "a") with { Text = null }]);

        void Refused(string why, DatasetItem[] items, params DatasetPair[] pairs)
        {
            var refused = Assert.Throws<FuseMixException>(() => SampleData.Of(_home, "d", items, pairs));
            Assert.Equal(FailureKind.Invalid, refused.Kind);
            Assert.Contains(why, refused.Message);
        }
    }

    [Fact]
    public void The_fingerprint_follows_content_and_not_places()
    {
        var item = SampleData.Text("t", "one");
        var before = SampleData.Of(_home, "d", [item]).Fingerprint;
        Assert.Equal(before, SampleData.Of(_home, "other", [item]).Fingerprint);
        Assert.NotEqual(before, SampleData.Of(_home, "d", [item with { Split = Split.Test }]).Fingerprint);
        Assert.NotEqual(before, SampleData.Of(_home, "d", [item with { Group = "g" }]).Fingerprint);
        Assert.NotEqual(before, SampleData.Of(_home, "d", [SampleData.Text("t", "two")]).Fingerprint);
        Assert.NotEqual(before, SampleData.Of(_home, "d", [item], new DatasetPair("t", "t")).Fingerprint);
        var file = item with { Text = null, File = "a" };
        Assert.Equal(SampleData.Of(_home, "d", [file]).Fingerprint, SampleData.Of(_home, "d", [file with { File = "b" }]).Fingerprint);
    }
}
