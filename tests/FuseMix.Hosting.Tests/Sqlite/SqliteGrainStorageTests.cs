using FuseMix.Hosting.Sqlite;
using FuseMix.Testing;
using Microsoft.Data.Sqlite;
using Orleans;
using Orleans.Runtime;
using Orleans.Storage;

namespace FuseMix.Hosting.Tests.Sqlite;

public sealed class SqliteGrainStorageTests : IDisposable
{
    private static readonly GrainId Id = GrainId.Create("job", "emoji/clip");

    private readonly TemporaryFolder _folder = new();
    private readonly ManualTimeProvider _time = new();
    private readonly SqliteGrainStorage _storage;

    public SqliteGrainStorageTests() => _storage = new SqliteGrainStorage(FilePath, _time);

    private string FilePath => _folder["deep/er/grains.db"];

    public void Dispose()
    {
        _storage.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task What_is_written_is_read_by_another_storage_on_the_same_file()
    {
        var written = new GrainState<JobState>(new JobState { Name = "ünï \"quoted\"", Done = [1, 2], Kind = FailureKind.Conflict });
        await _storage.WriteStateAsync("progress", Id, written);
        using var other = new SqliteGrainStorage(FilePath, _time);
        var read = await Read(other);
        Assert.Equal(("ünï \"quoted\"", FailureKind.Conflict, true), (read.State!.Name, read.State.Kind, read.RecordExists));
        Assert.Equal([1, 2], read.State.Done);
        Assert.Equal(written.ETag, read.ETag);
    }

    [Fact]
    public async Task A_missing_folder_is_made_and_a_missing_record_is_an_empty_state()
    {
        var read = await Read(_storage);
        Assert.Equal((null, false), (read.ETag, read.RecordExists));
        Assert.Null(read.State!.Name);
        Assert.True(File.Exists(FilePath));
    }

    [Fact]
    public async Task Names_and_grains_are_kept_apart()
    {
        await _storage.WriteStateAsync("a", Id, new GrainState<JobState>(new JobState { Name = "a" }));
        await _storage.WriteStateAsync("b", Id, new GrainState<JobState>(new JobState { Name = "b" }));
        await _storage.WriteStateAsync("a", GrainId.Create("other", "emoji/clip"), new GrainState<JobState>(new JobState { Name = "c" }));
        var read = new GrainState<JobState>();
        await _storage.ReadStateAsync("a", Id, read);
        Assert.Equal("a", read.State!.Name);
    }

    [Fact]
    public async Task Of_two_writers_that_read_the_same_version_the_second_is_told()
    {
        await _storage.WriteStateAsync("progress", Id, new GrainState<JobState>(new JobState { Name = "first" }));
        using var other = new SqliteGrainStorage(FilePath, _time);
        var (mine, theirs) = (await Read(_storage), await Read(other));
        theirs.State!.Name = "theirs";
        await other.WriteStateAsync("progress", Id, theirs);
        mine.State!.Name = "mine";
        var conflict = await Assert.ThrowsAsync<InconsistentStateException>(() => _storage.WriteStateAsync("progress", Id, mine));
        Assert.Equal((theirs.ETag, mine.ETag), (conflict.StoredEtag, conflict.CurrentEtag));
        Assert.Equal("theirs", (await Read(_storage)).State!.Name);
    }

    [Fact]
    public async Task Of_two_writers_of_a_new_record_the_second_is_told()
    {
        await _storage.WriteStateAsync("progress", Id, new GrainState<JobState>(new JobState()));
        await Assert.ThrowsAsync<InconsistentStateException>(
            () => _storage.WriteStateAsync("progress", Id, new GrainState<JobState>(new JobState())));
    }

    [Fact]
    public async Task Of_many_writers_at_once_exactly_one_wins_each_round()
    {
        var storages = Enumerable.Range(0, 4).Select(_ => new SqliteGrainStorage(FilePath, _time)).ToArray();
        for (var round = 0; round < 10; round++)
        {
            var states = await Task.WhenAll(storages.Select(Read));
            var wins = await Task.WhenAll(storages.Zip(states, async (storage, state) =>
            {
                try
                {
                    await storage.WriteStateAsync("progress", Id, state);
                    return 1;
                }
                catch (InconsistentStateException)
                {
                    return 0;
                }
            }));
            Assert.Equal(1, wins.Sum());
        }

        foreach (var storage in storages) storage.Dispose();
    }

    [Fact]
    public async Task Clearing_removes_the_record()
    {
        var state = new GrainState<JobState>(new JobState { Name = "x" });
        await _storage.WriteStateAsync("progress", Id, state);
        await _storage.ClearStateAsync("progress", Id, state);
        Assert.Equal((null, null, false), (state.State!.Name, state.ETag, state.RecordExists));
        Assert.False((await Read(_storage)).RecordExists);
        await _storage.ClearStateAsync("progress", Id, state);
    }

    [Fact]
    public async Task Clearing_an_old_version_is_a_conflict()
    {
        var state = new GrainState<JobState>(new JobState());
        await _storage.WriteStateAsync("progress", Id, state);
        var old = new GrainState<JobState>(new JobState(), state.ETag);
        await _storage.WriteStateAsync("progress", Id, state);
        await Assert.ThrowsAsync<InconsistentStateException>(() => _storage.ClearStateAsync("progress", Id, old));
        Assert.True((await Read(_storage)).RecordExists);
    }

    [Fact]
    public async Task A_version_from_before_a_clear_does_not_fit_the_record_written_after_it()
    {
        var state = new GrainState<JobState>(new JobState());
        await _storage.WriteStateAsync("progress", Id, state);
        var old = new GrainState<JobState>(new JobState(), state.ETag);
        await _storage.ClearStateAsync("progress", Id, state);
        await _storage.WriteStateAsync("progress", Id, state);
        await Assert.ThrowsAsync<InconsistentStateException>(() => _storage.WriteStateAsync("progress", Id, old));
    }

    [Fact]
    public async Task A_failed_write_leaves_the_state_before_it_whole()
    {
        var state = new GrainState<JobState>(new JobState { Name = "before" });
        await _storage.WriteStateAsync("progress", Id, state);
        using (var connection = Open())
        {
            Execute(connection, "CREATE TRIGGER broken AFTER UPDATE ON grain_state BEGIN SELECT RAISE(ABORT, 'power cut'); END");
        }

        var version = state.ETag;
        state.State!.Name = "after";
        await Assert.ThrowsAsync<FuseMixException>(() => _storage.WriteStateAsync("progress", Id, state));
        Assert.Equal(version, state.ETag);
        var read = await Read(_storage);
        Assert.Equal(("before", version), (read.State!.Name, read.ETag));
    }

    [Fact]
    public async Task What_was_acknowledged_survives_a_crash_that_leaves_only_the_files()
    {
        await _storage.WriteStateAsync("progress", Id, new GrainState<JobState>(new JobState { Name = "durable" }));
        // The files as they are on disk right now, write-ahead log included, are what a crashed machine would find.
        foreach (var file in
            Directory.GetFiles(Path.GetDirectoryName(FilePath)!, "grains.db*").Where(f => !f.EndsWith("-shm", StringComparison.Ordinal)))
            File.Copy(file, _folder[Path.GetFileName(file)]);
        using var found = new SqliteGrainStorage(_folder["grains.db"], _time);
        Assert.Equal("durable", (await Read(found)).State!.Name);
    }

    [Fact]
    public async Task A_torn_log_loses_at_most_the_write_that_was_torn()
    {
        using var keepOpen = Open();
        var state = new GrainState<JobState>(new JobState { Name = "first" });
        await _storage.WriteStateAsync("progress", Id, state);
        state.State!.Name = new string('x', 50_000);
        await _storage.WriteStateAsync("progress", Id, state);
        File.Copy(FilePath, _folder["grains.db"]);
        var log = await File.ReadAllBytesAsync(FilePath + "-wal", TestContext.Current.CancellationToken);
        await File.WriteAllBytesAsync(_folder["grains.db-wal"], log[..^20_000], TestContext.Current.CancellationToken);
        using var found = new SqliteGrainStorage(_folder["grains.db"], _time);
        Assert.Equal("first", (await Read(found)).State!.Name);
    }

    [Fact]
    public async Task A_file_that_is_no_database_is_refused_with_a_way_out()
    {
        Directory.CreateDirectory(Path.GetDirectoryName(FilePath)!);
        await File.WriteAllTextAsync(FilePath, new string('?', 5000), TestContext.Current.CancellationToken);
        var failure = await Assert.ThrowsAsync<FuseMixException>(() => Read(_storage));
        Assert.Equal(FailureKind.Corrupt, failure.Kind);
        Assert.Contains("grains.db", failure.Message);
        Assert.NotNull(failure.Remedy);
    }

    [Fact]
    public async Task A_payload_that_cannot_be_read_names_the_grain_and_the_state()
    {
        await _storage.WriteStateAsync("progress", Id, new GrainState<JobState>(new JobState()));
        using (var connection = Open()) Execute(connection, "UPDATE grain_state SET payload = '{\"done\": \"no list\"}'");
        var failure = await Assert.ThrowsAsync<FuseMixException>(() => Read(_storage));
        Assert.Equal(FailureKind.Corrupt, failure.Kind);
        Assert.Contains("'progress' of grain job/emoji/clip", failure.Message);
    }

    [Fact]
    public async Task A_full_disk_is_named_with_a_way_out()
    {
        await _storage.WriteStateAsync("progress", Id, new GrainState<JobState>(new JobState()));
        using var connection = Open();
        // A limit on pages fails with the very code that a full disk fails with.
        Execute(connection, "PRAGMA max_page_count = 1");
        var full = Assert.Throws<SqliteException>(() => Execute(
            connection, "INSERT INTO grain_state VALUES ('t', 'i', 's', hex(zeroblob(100000)), 'e', 'm')"));
        var failure = _storage.Explain(full);
        Assert.Equal(FailureKind.Unavailable, failure.Kind);
        Assert.Contains("the disk is full", failure.Message);
        Assert.Contains("Free some space", failure.Remedy);
    }

    [Fact]
    public async Task A_file_of_a_later_version_is_left_alone()
    {
        await Read(_storage);
        using (var connection = Open()) Execute(connection, "PRAGMA user_version = 9");
        using var other = new SqliteGrainStorage(FilePath, _time);
        var failure = await Assert.ThrowsAsync<FuseMixException>(() => Read(other));
        Assert.Equal(FailureKind.Conflict, failure.Kind);
        Assert.Contains("layout 9", failure.Message);
    }

    [Fact]
    public async Task A_folder_that_cannot_be_made_is_named()
    {
        await File.WriteAllTextAsync(_folder["file"], "", TestContext.Current.CancellationToken);
        using var blocked = new SqliteGrainStorage(_folder["file/grains.db"], _time);
        var failure = await Assert.ThrowsAsync<FuseMixException>(() => Read(blocked));
        Assert.Equal(FailureKind.Unavailable, failure.Kind);
        Assert.Contains(Path.Combine("file", "grains.db"), failure.Message);
    }

    [Fact]
    public async Task The_file_is_in_write_ahead_mode_and_rows_say_when_they_were_written()
    {
        await _storage.WriteStateAsync("progress", Id, new GrainState<JobState>(new JobState()));
        using var connection = Open();
        Assert.Equal("wal", Scalar(connection, "PRAGMA journal_mode"));
        Assert.StartsWith("2026-01-01T00:00:00", Scalar(connection, "SELECT modified FROM grain_state"));
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task A_writer_waits_for_another_process_that_holds_the_lock()
    {
        await _storage.WriteStateAsync("progress", Id, new GrainState<JobState>(new JobState()));
        using var holder = Open();
        Execute(holder, "BEGIN IMMEDIATE");
        var write = _storage.WriteStateAsync("other", Id, new GrainState<JobState>(new JobState()));
        // Readers never wait for a writer, so this one shows that the write is still waiting and nothing else is.
        await Read(_storage);
        Assert.False(write.IsCompleted);
        Execute(holder, "COMMIT");
        await write;
    }

    private static async Task<GrainState<JobState>> Read(SqliteGrainStorage storage)
    {
        var state = new GrainState<JobState>();
        await storage.ReadStateAsync("progress", Id, state);
        return state;
    }

    private static void Execute(SqliteConnection connection, string text)
    {
        using var command = connection.CreateCommand();
        command.CommandText = text;
        command.ExecuteNonQuery();
    }

    private static string? Scalar(SqliteConnection connection, string text)
    {
        using var command = connection.CreateCommand();
        command.CommandText = text;
        return command.ExecuteScalar() as string;
    }

    private SqliteConnection Open()
    {
        Directory.CreateDirectory(Path.GetDirectoryName(FilePath)!);
        var connection = new SqliteConnection($"Data Source={FilePath};Pooling=False");
        connection.Open();
        return connection;
    }

    private sealed class JobState
    {
        public string? Name { get; set; }

        public List<int> Done { get; set; } = [];

        public FailureKind Kind { get; set; }
    }
}
