using System.Runtime.CompilerServices;
using System.Text;
using Microsoft.Data.Sqlite;
using Orleans;
using Orleans.Runtime;
using Orleans.Storage;

namespace FuseMix.Hosting.Sqlite;

/// <summary>Grain states in one table of a SQLite file: a row per grain and state, its payload JSON, its version random text.</summary>
/// <remarks>
/// Each operation is one statement in WAL mode with synchronous=FULL, so a crash leaves the state before or the state after, and what was
/// acknowledged is on disk. Versions are random rather than counted: a state that was cleared and written anew must not look like the old
/// one.
/// </remarks>
internal sealed class SqliteGrainStorage(string path, TimeProvider time) : IGrainStorage, IDisposable
{
    /// <summary>Version of the table layout, kept in the file's <c>user_version</c>.</summary>
    private const int Layout = 1;

    private const string TheRow = "grain_type = $type AND grain_id = $id AND state_name = $name";

    private readonly string _path = Path.GetFullPath(path);
    private readonly Lock _gate = new();
    private volatile bool _isReady;

    private string ConnectionString => new SqliteConnectionStringBuilder
    {
        DataSource = _path,
        Mode = SqliteOpenMode.ReadWriteCreate,
        // Statements that meet another writer's lock are tried again for this many seconds.
        DefaultTimeout = 15,
    }.ToString();

    public Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) => Use(connection =>
    {
        using var command = Command(connection, $"SELECT payload, etag FROM grain_state WHERE {TheRow}", stateName, grainId);
        using var row = command.ExecuteReader();
        if (!row.Read())
        {
            (grainState.State, grainState.ETag, grainState.RecordExists) = (NewState<T>(), null, false);
            return;
        }

        var what = $"The state '{stateName}' of grain {grainId} in '{_path}'";
        grainState.State = StateJson.Read<T>(Encoding.UTF8.GetBytes(row.GetString(0)), what);
        (grainState.ETag, grainState.RecordExists) = (row.GetString(1), true);
    });

    public Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        // Serialized before leaving the grain's turn: afterwards the grain may change its state again.
        var payload = StateJson.Write(grainState.State);
        var (read, written) = (grainState.ETag, Guid.NewGuid().ToString("N"));
        return Use(connection =>
        {
            using var command = Command(
                connection,
                read is null
                    ? """
                      INSERT INTO grain_state (grain_type, grain_id, state_name, payload, etag, modified)
                      VALUES ($type, $id, $name, $payload, $written, $modified) ON CONFLICT DO NOTHING
                      """
                    : $"UPDATE grain_state SET payload = $payload, etag = $written, modified = $modified WHERE {TheRow} AND etag = $read",
                stateName, grainId);
            command.Parameters.AddWithValue("$payload", payload);
            command.Parameters.AddWithValue("$written", written);
            command.Parameters.AddWithValue("$modified", time.GetUtcNow().ToString("O"));
            if (read is not null) command.Parameters.AddWithValue("$read", read);
            if (command.ExecuteNonQuery() == 0) throw Conflict(connection, stateName, grainId, read);
            (grainState.ETag, grainState.RecordExists) = (written, true);
        });
    }

    public Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        var read = grainState.ETag;
        return Use(connection =>
        {
            using var command = Command(connection, $"DELETE FROM grain_state WHERE {TheRow} AND etag = $read", stateName, grainId);
            command.Parameters.AddWithValue("$read", read ?? "");
            if (command.ExecuteNonQuery() == 0 && StoredVersion(connection, stateName, grainId) != read)
                throw Conflict(connection, stateName, grainId, read);
            (grainState.State, grainState.ETag, grainState.RecordExists) = (NewState<T>(), null, false);
        });
    }

    /// <summary>Lets go of the pooled connections, so that the file can be moved or deleted.</summary>
    public void Dispose()
    {
        using var connection = new SqliteConnection(ConnectionString);
        SqliteConnection.ClearPool(connection);
    }

    private static T NewState<T>() => typeof(T).GetConstructor(Type.EmptyTypes) is not null
        ? Activator.CreateInstance<T>()
        : typeof(T).IsValueType || typeof(T) == typeof(string) || typeof(T).IsArray
            ? default!
            : (T)RuntimeHelpers.GetUninitializedObject(typeof(T));

    private static SqliteCommand Command(SqliteConnection connection, string text, string stateName, GrainId grainId)
    {
        var command = connection.CreateCommand();
        command.CommandText = text;
        command.Parameters.AddWithValue("$type", grainId.Type.ToString());
        command.Parameters.AddWithValue("$id", grainId.Key.ToString());
        command.Parameters.AddWithValue("$name", stateName);
        return command;
    }

    private static string? StoredVersion(SqliteConnection connection, string stateName, GrainId grainId)
    {
        using var command = Command(connection, $"SELECT etag FROM grain_state WHERE {TheRow}", stateName, grainId);
        return command.ExecuteScalar() as string;
    }

    private static InconsistentStateException Conflict(SqliteConnection connection, string stateName, GrainId grainId, string? read) => new(
        $"The state '{stateName}' of grain {grainId} was written by another activation since it was read.",
        StoredVersion(connection, stateName, grainId), read);

    /// <summary>SQLite waits for the disk in the calling thread; that thread must not be the one of a grain's turn.</summary>
    private Task Use(Action<SqliteConnection> work) => Task.Run(() =>
    {
        try
        {
            EnsureReady();
            using var connection = Open();
            work(connection);
        }
        catch (SqliteException failure)
        {
            throw Explain(failure);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new FuseMixException(
                FailureKind.Unavailable,
                $"Grain state cannot be stored in '{_path}': {failure.Message}",
                "Give this user the right to write there, or choose another home folder.",
                failure);
        }
    });

    private SqliteConnection Open()
    {
        var connection = new SqliteConnection(ConnectionString);
        try
        {
            connection.Open();
            using var pragma = connection.CreateCommand();
            pragma.CommandText = "PRAGMA synchronous = FULL";
            pragma.ExecuteNonQuery();
            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    private void EnsureReady()
    {
        if (_isReady) return;
        lock (_gate)
        {
            if (_isReady) return;
            Directory.CreateDirectory(Path.GetDirectoryName(_path)!);
            using var connection = Open();
            using var command = connection.CreateCommand();
            command.CommandText = "PRAGMA journal_mode = WAL";
            command.ExecuteNonQuery();
            command.CommandText = "PRAGMA user_version";
            if (Convert.ToInt32(command.ExecuteScalar(), System.Globalization.CultureInfo.InvariantCulture) is > Layout and var newer)
            {
                throw new FuseMixException(
                    FailureKind.Conflict,
                    $"'{_path}' has layout {newer}; this version knows up to {Layout}.",
                    "Start the newer version that wrote it, or choose another home folder.");
            }

            command.CommandText = $"""
                CREATE TABLE IF NOT EXISTS grain_state (
                    grain_type TEXT NOT NULL,
                    grain_id TEXT NOT NULL,
                    state_name TEXT NOT NULL,
                    payload TEXT NOT NULL,
                    etag TEXT NOT NULL,
                    modified TEXT NOT NULL,
                    PRIMARY KEY (grain_type, grain_id, state_name)
                ) WITHOUT ROWID;
                PRAGMA user_version = {Layout};
                """;
            command.ExecuteNonQuery();
            _isReady = true;
        }
    }

    /// <summary>What SQLite's failure means to a user.</summary>
    internal FuseMixException Explain(SqliteException failure)
    {
        var (kind, what, remedy) = failure.SqliteErrorCode switch
        {
            5 or 6 => (
                FailureKind.Unavailable,
                "is locked by another process for longer than 15 s",
                "End the program that holds it (a backup, a database browser), then try again."),
            8 => (FailureKind.Unavailable, "is read-only", "Give this user the right to write to the file and its folder."),
            11 or 26 => (
                FailureKind.Corrupt,
                "is damaged or is no SQLite database",
                "Restore it from a backup; or move it away, and the jobs' progress starts anew from what is in the data folders."),
            13 => (FailureKind.Unavailable, "cannot grow: the disk is full", "Free some space, then try again; nothing that was "
                + "acknowledged is lost."),
            14 => (FailureKind.Unavailable, "cannot be opened", "Check that its folder exists and that this user may write to it."),
            _ => (FailureKind.Unavailable, $"failed ({failure.Message})", "Check the disk, then try again."),
        };
        return new FuseMixException(kind, $"The grain state file '{_path}' {what}.", remedy, failure);
    }
}
