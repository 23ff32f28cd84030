using System.Text.Json.Nodes;
using FuseMix.Data.Latents;
using FuseMix.Data.Tests.Datasets;
using FuseMix.Storage;
using FuseMix.Testing;

namespace FuseMix.Data.Tests.Latents;

public sealed class LatentStoreTests : IDisposable
{
    private const int Dimension = 24;
    private static readonly Fingerprint Encoder = Fingerprint.Of("encoder");
    private readonly TemporaryFolder _folder = new();
    private readonly FuseMixHome _home;
    private readonly LatentStore _store;

    public LatentStoreTests()
    {
        _home = new FuseMixHome(_folder.Path);
        _store = new LatentStore(_home);
    }

    private string SetFolder => Path.Combine(_home.Latents, "emoji", "use-lite", Encoder.Short);

    public void Dispose()
    {
        Faults.OnStep = null;
        _folder.Dispose();
    }

    [Theory]
    [InlineData(LatentDtype.F16)]
    [InlineData(LatentDtype.F32)]
    public void Committed_latents_are_read_back_by_row_and_by_id(LatentDtype dtype)
    {
        var plan = Plan(10, shardSize: 4) with { Dtype = dtype };
        var set = _store.OpenOrCreate(plan);
        Assert.Equal([4, 4, 2], Pending(set).Select(s => s.Ids.Count));
        foreach (var shard in Pending(set).Reverse()) Commit(set, shard);
        Assert.True(set.IsComplete);

        using var reader = Open();
        Assert.Equal((10, Dimension), (reader.Count, reader.Dimension));
        Assert.Equal(plan.Items.Select(i => i.Id), reader.Ids);
        int[] rows = [9, 0, 3, 4, 3];
        var values = new float[rows.Length * Dimension];
        reader.Gather(rows, values);
        for (var i = 0; i < rows.Length; i++)
        {
            var expected = LatentOf(reader.Ids[rows[i]]).Select(v => dtype == LatentDtype.F16 ? (float)(Half)v : v);
            Assert.Equal(expected, values[(i * Dimension)..((i + 1) * Dimension)]);
        }

        Assert.True(reader.TryGetRow("item 007", out var row));
        Assert.Equal("item 007", reader.Ids[row]);
        Assert.False(reader.TryGetRow("nobody", out _));
        Assert.Throws<ArgumentOutOfRangeException>(() => reader.Gather([10], values));
        Assert.Throws<ArgumentOutOfRangeException>(() => reader.Gather([-1], values));
        Assert.Throws<ArgumentException>(() => reader.Gather([0, 1], values.AsSpan(0, Dimension)));
    }

    [Fact]
    public void A_plan_is_made_of_one_modality_of_a_dataset()
    {
        var dataset = SampleData.Of(_home, "d", [SampleData.Text("a", "1"), SampleData.Text("b", "2")]);
        var plan = LatentPlan.Of(dataset, Modality.Text, "use-lite", Encoder, 8);
        Assert.Equal(["a", "b"], plan.Items.Select(i => i.Id));
        Assert.Equal(dataset.Items[0].Sha256, plan.Items[0].Content);
        Assert.Equal(
            FailureKind.Invalid,
            Assert.Throws<FuseMixException>(
                () => _store.OpenOrCreate(LatentPlan.Of(dataset, Modality.Audio, "use-lite", Encoder, 8))).Kind);
    }

    [Fact]
    public void Opening_the_same_plan_again_goes_on_where_the_last_one_stopped()
    {
        var set = _store.OpenOrCreate(Plan(10, 4));
        Commit(set, Pending(set)[1]);
        var again = _store.OpenOrCreate(Plan(10, 4));
        Assert.Equal([0, 2], Pending(again).Select(s => s.Index));
        // Another shard size does not contradict what is planned.
        Assert.Equal([0, 2], Pending(_store.OpenOrCreate(Plan(10, 3))).Select(s => s.Index));
    }

    [Fact]
    public void A_set_that_is_not_complete_is_refused_unless_part_of_it_is_enough()
    {
        var missing = Assert.Throws<FuseMixException>(() => Open());
        Assert.Equal(FailureKind.NotFound, missing.Kind);
        Assert.Contains("fusemix extract emoji use-lite", missing.Remedy);
        var set = _store.OpenOrCreate(Plan(10, 4));
        Commit(set, Pending(set)[2]);
        var partial = Assert.Throws<FuseMixException>(() => Open());
        Assert.Equal(FailureKind.Unavailable, partial.Kind);
        Assert.Contains("1 of 3 shards", partial.Message);
        using var reader = Open(LatentReading.AllowPartial);
        Assert.Equal(["item 008", "item 009"], reader.Ids);
    }

    [Fact]
    public void A_dataset_that_grew_keeps_its_shards_and_only_the_new_items_are_pending()
    {
        Fill(Plan(10, 4));
        // The new ones stand in between, as in a sorted folder.
        var grown = Plan(10, 4) with { DatasetFingerprint = Fingerprint.Of("grown") };
        grown = grown with
        {
            Items = [.. grown.Items.Concat([Item("item 003b"), Item("item 000a")]).OrderBy(i => i.Id, StringComparer.Ordinal)],
        };
        var set = _store.OpenOrCreate(grown);
        Assert.Equal([["item 000a", "item 003b"]], Pending(set).Select(s => s.Ids));
        Assert.Equal(3, Pending(set)[0].Index);
        Commit(set, Pending(set)[0]);
        using var reader = Open();
        Assert.Equal(12, reader.Count);
        Assert.True(reader.TryGetRow("item 003b", out var row));
        AssertRow(reader, row);
    }

    [Fact]
    public void Only_the_shards_of_changed_or_removed_items_are_extracted_again()
    {
        Fill(Plan(12, 4));
        var changed = Plan(12, 4) with { DatasetFingerprint = Fingerprint.Of("changed") };
        changed = changed with
        {
            Items = [.. changed.Items.Where(i => i.Id != "item 011").Select(i => i.Id == "item 005" ? i with { Content = "other" } : i)],
        };
        var set = _store.OpenOrCreate(changed);
        Assert.Equal(
            ["item 004", "item 005", "item 006", "item 007", "item 008", "item 009", "item 010"], Pending(set).SelectMany(s => s.Ids));
        Assert.Equal(
            [LatentsOf(0), Path.Combine(SetFolder, "shard-00000.json")],
            Directory.GetFiles(SetFolder, "shard-*").Order(StringComparer.Ordinal));
        foreach (var shard in Pending(set)) Commit(set, shard);
        using var reader = Open();
        Assert.Equal(11, reader.Count);
        Assert.False(reader.TryGetRow("item 011", out _));
        for (var row = 0; row < reader.Count; row++) AssertRow(reader, row);
    }

    [Fact]
    public void A_change_of_splits_alone_keeps_everything()
    {
        Fill(Plan(10, 4));
        var set = _store.OpenOrCreate(Plan(10, 4) with { DatasetFingerprint = Fingerprint.Of("other splits") });
        Assert.True(set.IsComplete);
        Assert.Equal(Fingerprint.Of("other splits"), set.Status().DatasetFingerprint);
    }

    [Fact]
    public void A_writer_of_an_older_plan_is_told_so_and_harms_nothing()
    {
        var old = _store.OpenOrCreate(Plan(8, 4));
        var shards = Pending(old);
        var changed = Plan(8, 4) with { DatasetFingerprint = Fingerprint.Of("changed") };
        changed = changed with { Items = [.. changed.Items.Select(i => i.Id == "item 001" ? i with { Content = "other" } : i)] };
        var current = _store.OpenOrCreate(changed);
        Assert.Equal(FailureKind.Conflict, Assert.Throws<FuseMixException>(() => Commit(old, shards[0])).Kind);
        Commit(old, shards[1]);
        Assert.Equal(["item 000", "item 001", "item 002", "item 003"], Assert.Single(Pending(current)).Ids);
        Assert.Equal(FailureKind.NotFound, Assert.Throws<FuseMixException>(() => old.CommitShard(99, [], default, [])).Kind);
    }

    [Fact]
    public void Another_dimension_or_dtype_contradicts_the_stored_set()
    {
        Fill(Plan(4, 4));
        foreach (var plan in (LatentPlan[])[Plan(4, 4) with { Dimension = 8 }, Plan(4, 4) with { Dtype = LatentDtype.F32 }])
        {
            var conflict = Assert.Throws<FuseMixException>(() => _store.OpenOrCreate(plan));
            Assert.Equal(FailureKind.Conflict, conflict.Kind);
            Assert.Contains("F16 × 24", conflict.Message);
        }
    }

    [Fact]
    public void Another_encoder_fingerprint_is_another_set()
    {
        Fill(Plan(4, 4));
        var other = Plan(4, 4) with { EncoderFingerprint = Fingerprint.Of("other"), Dimension = 8 };
        Assert.Single(Pending(_store.OpenOrCreate(other)));
        Assert.Equal(2, _store.List().Count);
        Assert.Equal([true, false], _store.List().OrderByDescending(s => s.IsComplete).Select(s => s.IsComplete));
        Assert.Equal(
            (4, 4, 1, 1), _store.Status("emoji", "use-lite", Encoder) is { } s ? (s.Items, s.Rows, s.Shards, s.CommittedShards) : default);
        Assert.Null(_store.Status("emoji", "none", Encoder));
        Assert.Equal((true, false), (_store.Contains("emoji", "use-lite"), _store.Contains("emoji", "none")));
    }

    [Fact]
    public void A_commit_repeated_or_raced_keeps_the_first_one()
    {
        var first = _store.OpenOrCreate(Plan(4, 4));
        var second = _store.OpenOrCreate(Plan(4, 4));
        var shard = Pending(first)[0];
        Assert.False(Commit(first, shard).AlreadyCommitted);
        var before = FileChecksum.Of(LatentsOf(0));
        // A second writer whose encoder gave slightly other values.
        var repeated = second.CommitShard(0, shard.Ids, shard.Ids.SelectMany(LatentOf).Select(v => v + 1e-3f).ToArray(), []);
        Assert.True(repeated.AlreadyCommitted);
        Assert.Equal(4, repeated.Rows);
        Assert.Equal(before, FileChecksum.Of(LatentsOf(0)));
        Assert.Empty(Pending(second));
    }

    [Fact]
    public void A_commit_that_another_writer_overtakes_leaves_nothing_of_itself()
    {
        var (slow, quick) = (_store.OpenOrCreate(Plan(4, 4)), _store.Open("emoji", "use-lite", Encoder));
        var shard = Pending(slow)[0];
        Faults.OnStep = step =>
        {
            if (step != "synced shard-00000.json") return;
            Faults.OnStep = null;
            Assert.False(Commit(quick, shard).AlreadyCommitted);
        };
        var late = slow.CommitShard(0, shard.Ids, shard.Ids.SelectMany(LatentOf).Select(v => v + 1e-2f).ToArray(), []);
        Assert.True(late.AlreadyCommitted);
        Assert.Equal(2, Directory.GetFiles(SetFolder, "shard-*").Length);
        Assert.Empty(Directory.GetFiles(SetFolder, ".*.tmp"));
        using var reader = Open();
        for (var row = 0; row < 4; row++) AssertRow(reader, row);
    }

    [Fact]
    public void Planning_again_leaves_what_another_writer_is_about_to_commit()
    {
        var set = _store.OpenOrCreate(Plan(8, 4));
        Faults.OnStep = step =>
        {
            if (step != "written shard-00001.json") return;
            Faults.OnStep = null;
            _store.OpenOrCreate(Plan(9, 4) with { DatasetFingerprint = Fingerprint.Of("grown") });
        };
        Commit(set, Pending(set)[1]);
        Assert.Equal([0, 2], Pending(set).Select(s => s.Index));
        using var reader = Open(LatentReading.AllowPartial);
        Assert.Equal(["item 004", "item 005", "item 006", "item 007"], reader.Ids);
    }

    [Fact]
    public void Nobody_waits_for_somebody_who_plans()
    {
        var set = _store.OpenOrCreate(Plan(8, 4));
        using var planning = FileLock.TryAcquire(Path.Combine(SetFolder, ".lock"));
        Assert.NotNull(planning);
        foreach (var shard in Pending(_store.Open("emoji", "use-lite", Encoder))) Commit(set, shard);
        using var reader = Open();
        Assert.Equal(8, reader.Count);
        Assert.True(Assert.Single(_store.List()).IsComplete);
    }

    [Fact]
    public void A_shard_is_the_one_for_these_items_only()
    {
        var plan = Plan(8, 4);
        var set = _store.OpenOrCreate(plan);
        set.Require(1, plan.Items.Skip(4));
        Assert.Equal(
            FailureKind.Conflict,
            Assert.Throws<FuseMixException>(() => set.Require(1, plan.Items.Skip(4).Select(i => i with { Content = "other" }))).Kind);
        Assert.Equal(FailureKind.NotFound, Assert.Throws<FuseMixException>(() => set.Require(2, [])).Kind);
        Assert.Null(set.Committed(1));
        Commit(set, Pending(set)[1]);
        Assert.Equal(4, set.Committed(1)!.Rows);
    }

    [Fact]
    public void Planning_that_is_cancelled_leaves_the_set_as_it_was()
    {
        Fill(Plan(8, 4));
        Assert.ThrowsAny<OperationCanceledException>(
            () => _store.OpenOrCreate(
                Plan(9, 4) with { DatasetFingerprint = Fingerprint.Of("grown") }, new CancellationToken(canceled: true)));
        using var reader = Open();
        Assert.Equal((8, Fingerprint.Of("dataset")), (reader.Count, reader.Status.DatasetFingerprint));
    }

    [Fact]
    public void Many_writers_at_once_lose_nothing()
    {
        var plan = Plan(60, 2);
        Parallel.For(0, 4, new ParallelOptions { MaxDegreeOfParallelism = 4 }, writer =>
        {
            var set = _store.OpenOrCreate(plan);
            foreach (var shard in writer % 2 == 0 ? Pending(set) : Pending(set).Reverse()) Commit(set, shard);
        });
        using var reader = Open();
        Assert.Equal(60, reader.Count);
        for (var row = 0; row < 60; row++) AssertRow(reader, row);
    }

    [Fact]
    public void Failed_items_are_recorded_and_have_no_row()
    {
        var set = _store.OpenOrCreate(Plan(4, 4));
        set.CommitShard(0, ["item 000", "item 002"], Rows("item 000", "item 002"), [new("item 003", "bomb"), new("item 001", "empty")]);
        Assert.True(set.IsComplete);
        using var reader = Open();
        Assert.Equal(["item 000", "item 002"], reader.Ids);
        Assert.Equal([new LatentFailure("item 003", "bomb"), new LatentFailure("item 001", "empty")], reader.Status.Failures);
    }

    [Fact]
    public void A_shard_of_nothing_but_failures_is_complete_and_readable()
    {
        var set = _store.OpenOrCreate(Plan(3, 1));
        set.CommitShard(0, [], default, [new("item 000", "bad")]);
        set.CommitShard(1, [], default, [new("item 001", "bad")]);
        set.CommitShard(2, ["item 002"], Rows("item 002"), []);
        using var reader = Open();
        AssertRow(reader, 0);
    }

    [Theory]
    [InlineData(float.NaN, "not a number")]
    [InlineData(float.PositiveInfinity, "infinite")]
    [InlineData(float.NegativeInfinity, "infinite")]
    [InlineData(70_000f, "F16 cannot hold")]
    public void A_row_with_a_value_that_cannot_be_stored_is_refused_and_its_item_named(float value, string reason)
    {
        var set = _store.OpenOrCreate(Plan(3, 3));
        var rows = Rows("item 000", "item 001", "item 002");
        rows[Dimension + 5] = value;
        var commit = set.CommitShard(0, ["item 000", "item 001", "item 002"], rows, []);
        Assert.Equal(2, commit.Rows);
        var failure = Assert.Single(commit.Failures);
        Assert.Equal("item 001", failure.Id);
        Assert.Contains(reason, failure.Reason);
        using var reader = Open();
        Assert.Equal(["item 000", "item 002"], reader.Ids);
        AssertRow(reader, 1);
    }

    [Theory]
    [InlineData(0f)]
    [InlineData(1e-9f)]
    public void A_row_that_is_or_becomes_all_zeros_is_refused_and_its_item_named(float value)
    {
        var set = _store.OpenOrCreate(Plan(2, 2));
        var rows = Rows("item 000", "item 001");
        Array.Fill(rows, value, 0, Dimension);
        var failure = Assert.Single(set.CommitShard(0, ["item 000", "item 001"], rows, []).Failures);
        Assert.Equal(("item 000", "its latent is all zeros"), (failure.Id, failure.Reason));
    }

    [Fact]
    public void A_commit_that_is_not_exactly_the_shards_items_is_refused()
    {
        var set = _store.OpenOrCreate(Plan(2, 2));
        Refused(["item 000"], []);
        Refused(["item 001", "item 000"], []);
        Refused(["item 000", "item 000"], []);
        Refused(["item 000", "item 009"], []);
        Refused(["item 000"], [new("item 009", "x")]);
        Refused([], [new("item 000", "x"), new("item 000", "x")]);
        Assert.Contains(
            "values", Assert.Throws<FuseMixException>(() => set.CommitShard(0, ["item 000", "item 001"], new float[5], [])).Message);
        Assert.Single(Pending(set));

        void Refused(string[] ids, LatentFailure[] failures) =>
            Assert.Equal(FailureKind.Invalid, Assert.Throws<FuseMixException>(() => set.CommitShard(0, ids, Rows(ids), failures)).Kind);
    }

    [Theory]
    [InlineData(LatentReading.Default)]
    [InlineData(LatentReading.SkipChecksums)]
    public void A_truncated_shard_is_refused_by_name(LatentReading reading)
    {
        Fill(Plan(10, 4));
        var path = LatentsOf(1);
        File.WriteAllBytes(path, File.ReadAllBytes(path)[..^10]);
        Refused(reading, "shard-00001");
    }

    [Theory]
    [InlineData(LatentReading.Default)]
    [InlineData(LatentReading.SkipChecksums)]
    public void Swapped_shards_are_refused_by_name(LatentReading reading)
    {
        Fill(Plan(8, 4));
        var (a, b) = (LatentsOf(0), LatentsOf(1));
        File.Move(a, a + "x");
        File.Move(b, a);
        File.Move(a + "x", b);
        Refused(reading, "shard-00000");
    }

    [Theory]
    [InlineData("dimension")]
    [InlineData("rows")]
    [InlineData("dtype")]
    [InlineData("ids")]
    [InlineData("no ids")]
    [InlineData("encoder")]
    public void A_shard_that_lies_is_refused_by_name_even_where_its_checksum_was_forged(string lie)
    {
        Fill(Plan(4, 4));
        var path = LatentsOf(0);
        Dictionary<string, string> metadata;
        using (var file = SafetensorsFile.Open(path)) metadata = file.Metadata.ToDictionary();
        if (lie == "encoder") metadata["encoderFingerprint"] = Fingerprint.Of("other").Hex;
        var writer = new SafetensorsWriter();
        foreach (var (key, value) in metadata) writer.AddMetadata(key, value);
        var (rows, width) = (lie == "rows" ? 5 : 4, lie == "dimension" ? 8 : Dimension);
        if (lie == "dtype") writer.AddFloat32("latents", new float[rows * width], rows, width);
        else writer.AddFloat16("latents", new float[rows * width], rows, width);
        var ids = System.Text.Encoding.UTF8.GetBytes(
            lie == "ids" ? "item 000\nitem 002\nitem 001\nitem 003" : "item 000\nitem 001\nitem 002\nitem 003");
        if (lie != "no ids") writer.AddBytes("ids", ids, ids.Length);
        var checksum = writer.Save(path);
        File.Move(path, Path.Combine(SetFolder, $"shard-00000-{checksum.Short}.safetensors"), overwrite: true);
        Edit("shard-00000.json", commit => commit["sha256"] = checksum.Hex);
        Refused(LatentReading.Default, "shard-00000");
    }

    [Theory]
    [InlineData(LatentReading.Default)]
    [InlineData(LatentReading.SkipChecksums)]
    public void A_missing_shard_is_refused_by_name(LatentReading reading)
    {
        Fill(Plan(4, 2));
        File.Delete(LatentsOf(1));
        Refused(reading, "shard-00001");
    }

    [Fact]
    public void One_flipped_bit_in_the_values_is_noticed_by_the_checksum()
    {
        Fill(Plan(4, 4));
        var path = LatentsOf(0);
        var bytes = File.ReadAllBytes(path);
        bytes[^100] ^= 1;
        File.WriteAllBytes(path, bytes);
        Refused(LatentReading.Default, "shard-00000");
    }

    [Theory]
    [InlineData("""{"format":1}""")]
    [InlineData("null")]
    [InlineData("")]
    public void A_damaged_manifest_is_refused_by_name(string content)
    {
        Fill(Plan(4, 4));
        File.WriteAllText(Path.Combine(SetFolder, "manifest.json"), content);
        Refused(LatentReading.Default, "manifest.json");
        Assert.Equal(FailureKind.Corrupt, Assert.Throws<FuseMixException>(() => _store.OpenOrCreate(Plan(4, 4))).Kind);
    }

    [Fact]
    public void A_manifest_a_plan_or_a_commit_that_contradicts_itself_is_refused_by_name()
    {
        Lie("manifest.json", m => m["format"] = 3);
        Lie("manifest.json", m => m["dimension"] = 0);
        Lie("manifest.json", m => m["nextIndex"] = 1, "plan-");
        Lie("manifest.json", m => m["plan"] = "../plan");
        Lie("manifest.json", m => m["encoderFingerprint"] = Fingerprint.Of("other").Hex, Encoder.Short);
        Lie("shard-00001.json", c => c["rows"] = 1);
        Lie("shard-00001.json", c => c["itemsSha256"] = Fingerprint.Of("other").Hex);
        Lie("shard-00001.json", c => c["sha256"] = "");
        Lie("plan-*.json", p => p["shards"]![1]!["index"] = 0, "plan-");

        void Lie(string file, Action<JsonNode> lie, string? named = null)
        {
            if (Directory.Exists(SetFolder)) Directory.Delete(SetFolder, recursive: true);
            Fill(Plan(4, 2));
            Edit(file, lie);
            Refused(LatentReading.Default, named ?? file);
        }
    }

    [Theory]
    [InlineData("plan-*.json", "")]
    [InlineData("plan-*.txt", "")]
    [InlineData("plan-*.txt", "item 000\nitem 001\nitem 002\nitem 004\n")]
    public void A_damaged_plan_is_refused_by_name(string file, string content)
    {
        Fill(Plan(4, 4));
        var path = Directory.GetFiles(SetFolder, file).Single();
        File.WriteAllText(path, content);
        Refused(LatentReading.Default, Path.GetFileName(path));
        Assert.Equal(FailureKind.Corrupt, Assert.Throws<FuseMixException>(() => _store.OpenOrCreate(Plan(4, 4))).Kind);
    }

    [Fact]
    public void Two_thousand_mutated_shards_are_read_or_refused_and_nothing_else()
    {
        Fill(Plan(4, 4));
        var path = LatentsOf(0);
        var original = File.ReadAllBytes(path);
        var refused = 0;
        foreach (var mutated in Mutations.Of(original, 5, 2000))
        {
            File.WriteAllBytes(path, mutated);
            try
            {
                using var reader = Open(LatentReading.SkipChecksums);
                reader.Gather([0, 1, 2, 3], new float[4 * Dimension]);
            }
            catch (FuseMixException)
            {
                refused++;
            }
        }

        Assert.InRange(refused, 1000, 1999);
    }

    [Fact]
    public void A_crash_at_any_durable_step_loses_at_most_the_shard_in_flight()
    {
        var plan = Plan(6, 2);
        var steps = 0;
        for (var stop = 0; ; stop++)
        {
            if (Directory.Exists(SetFolder)) Directory.Delete(SetFolder, recursive: true);
            steps = 0;
            Faults.OnStep = step =>
            {
                if (steps++ == stop) throw new SimulatedCrash(step);
            };
            var crashed = Record.Exception(() => Fill(plan));
            Faults.OnStep = null;
            if (crashed is null) break;
            Assert.IsType<SimulatedCrash>(crashed);

            var committed = _store.Status("emoji", "use-lite", Encoder)?.CommittedShards ?? 0;
            if (committed > 0 || _store.Status("emoji", "use-lite", Encoder) is not null)
            {
                using var partial = Open(LatentReading.AllowPartial);
                Assert.Equal(committed * 2, partial.Count);
                for (var row = 0; row < partial.Count; row++) AssertRow(partial, row);
            }

            var set = _store.OpenOrCreate(plan);
            Assert.Equal(3 - committed, Pending(set).Count);
            Assert.Empty(Directory.GetFiles(SetFolder, ".*.tmp"));
            Fill(plan);
            using var reader = Open();
            Assert.Equal(6, reader.Count);
        }

        // Ids, shards and manifest, then latents and commit three times: three steps each.
        Assert.Equal(27, steps);
    }

    [Fact]
    public void What_no_manifest_lists_is_removed_at_the_next_opening()
    {
        Fill(Plan(4, 2));
        string[] garbage =
        [
            ".shard-00000.json.1-2.tmp",
            "shard-00000-0123456789abcdef.safetensors",
            "shard-00009-0123456789abcdef.safetensors",
            "shard-00009.json",
            "plan-0123456789abcdef.txt", "plan-0123456789abcdef.json",
        ];
        foreach (var name in garbage) File.WriteAllText(Path.Combine(SetFolder, name), "x");
        File.WriteAllText(Path.Combine(SetFolder, "notes.txt"), "a user's own");
        _store.OpenOrCreate(Plan(4, 2));
        Assert.All(garbage, g => Assert.False(File.Exists(Path.Combine(SetFolder, g)), g));
        Assert.True(File.Exists(Path.Combine(SetFolder, "notes.txt")));
        using var reader = Open();
        Assert.Equal(4, reader.Count);
    }

    [Theory]
    [InlineData("written shard-00001.json")]
    [InlineData("synced shard-00001.json")]
    [InlineData("written shard-00001-*")]
    public void A_full_disk_leaves_the_set_as_it_was(string full)
    {
        const int NoSpace = 28;
        var set = _store.OpenOrCreate(Plan(4, 2));
        Commit(set, Pending(set)[0]);
        Faults.OnStep = step =>
        {
            if (step == full || (full.EndsWith('*') && step.StartsWith(full[..^1], StringComparison.Ordinal)))
                throw new IOException("No space left on device", NoSpace);
        };
        Assert.Contains("disk is full", Assert.Throws<FuseMixException>(() => Commit(set, Pending(set)[0])).Message);
        Faults.OnStep = null;
        Assert.Equal(1, Assert.Single(Pending(set)).Index);
        Assert.Empty(Directory.GetFiles(SetFolder, ".*.tmp"));
        Commit(set, Pending(set)[0]);
        Assert.True(set.IsComplete);
    }

    [Fact]
    public void Plans_that_cannot_be_are_refused()
    {
        Refuse(p => p with { Items = [] });
        Refuse(p => p with { Dimension = 0 });
        Refuse(p => p with { ShardSize = 0 });
        Refuse(p => p with { Dataset = "../x" });
        Refuse(p => p with { Encoder = "" });
        Refuse(p => p with { Items = [Item("a"), Item("a")] });
        Refuse(p => p with { Items = [Item("a\nb")] });

        void Refuse(Func<LatentPlan, LatentPlan> change) =>
            Assert.Equal(FailureKind.Invalid, Assert.Throws<FuseMixException>(() => _store.OpenOrCreate(change(Plan(2, 2)))).Kind);
    }

    internal static LatentPlan Plan(int items, int shardSize) => new()
    {
        Dataset = "emoji",
        DatasetFingerprint = Fingerprint.Of("dataset"),
        Encoder = "use-lite",
        EncoderFingerprint = Encoder,
        Dimension = Dimension,
        ShardSize = shardSize,
        Items = [.. Enumerable.Range(0, items).Select(i => Item($"item {i:D3}"))],
    };

    internal static IReadOnlyList<PendingShard> Pending(LatentSet set) =>
        [.. set.Progress().Pending.Select(index => new PendingShard(index, set.ItemIds(index)))];

    internal static ShardCommit Commit(LatentSet set, PendingShard shard) =>
        set.CommitShard(shard.Index, shard.Ids, Rows([.. shard.Ids]), []);

    internal static void AssertRow(LatentReader reader, int row)
    {
        var values = new float[Dimension];
        reader.Gather([row], values);
        Assert.Equal(LatentOf(reader.Ids[row]).Select(v => (float)(Half)v), values);
    }

    private static LatentItem Item(string id) => new(id, Fingerprint.Of(id).Hex);

    private static float[] Rows(params string[] ids) => [.. ids.SelectMany(LatentOf)];

    /// <summary>What the pretended encoder gives for an item.</summary>
    private static float[] LatentOf(string id) => Draw.Normal(1, Dimension, (int)(Convert.ToUInt32(Fingerprint.Of(id).Hex[..8], 16) >> 1));

    private LatentReader Open(LatentReading reading = LatentReading.Default) => _store.OpenRead("emoji", "use-lite", Encoder, reading);

    private void Fill(LatentPlan plan)
    {
        var set = _store.OpenOrCreate(plan);
        foreach (var shard in Pending(set)) Commit(set, shard);
    }

    private string LatentsOf(int shard) => Directory.GetFiles(SetFolder, $"shard-{shard:D5}-*.safetensors").Single();

    private void Edit(string file, Action<JsonNode> edit)
    {
        var path = Directory.GetFiles(SetFolder, file).Single();
        var content = JsonNode.Parse(File.ReadAllText(path))!;
        edit(content);
        File.WriteAllText(path, content.ToJsonString(new System.Text.Json.JsonSerializerOptions { WriteIndented = true }));
    }

    private void Refused(LatentReading reading, string name)
    {
        var refused = Assert.Throws<FuseMixException>(() => Open(reading));
        Assert.Equal(FailureKind.Corrupt, refused.Kind);
        Assert.Contains(name.Split('*')[0], refused.Message);
    }

    internal sealed record PendingShard(int Index, IReadOnlyList<string> Ids);
}
