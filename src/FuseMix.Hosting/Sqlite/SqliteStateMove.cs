using System.Text.Json;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging;
using Orleans;
using Orleans.Runtime;
using Orleans.Storage;

namespace FuseMix.Hosting.Sqlite;

/// <summary>Takes along what a home folder knows of its jobs where its nodes keep the state of grains elsewhere from now on.</summary>
/// <remarks>
/// The first node that starts so copies every state that is not there yet, as it is, and calls the file <c>grains.db.moved</c> afterwards.
/// Safe to repeat, and for several nodes at once: a state that is there is newer, and stays.
/// </remarks>
/// <param name="path">The SQLite file; where there is none, there is nothing to move.</param>
/// <param name="target">Where states are kept from now on.</param>
/// <param name="logger">Told what was moved.</param>
internal sealed partial class SqliteStateMove(string path, IGrainStorage target, ILogger<SqliteStateMove> logger)
{
    /// <summary>What is put behind the name of a file that has been moved.</summary>
    public const string Suffix = ".moved";

    /// <summary>Moves what is there.</summary>
    /// <exception cref="FuseMixException">The file cannot be read.</exception>
    public async Task Run(CancellationToken cancellationToken)
    {
        if (!File.Exists(path)) return;
        var moved = 0;
        foreach (var (id, name, payload) in Read())
        {
            cancellationToken.ThrowIfCancellationRequested();
            var state = new GrainState<JsonElement>();
            await target.ReadStateAsync(name, id, state);
            if (state.RecordExists) continue;
            using var document = JsonDocument.Parse(payload);
            state.State = document.RootElement.Clone();
            try
            {
                await target.WriteStateAsync(name, id, state);
                moved++;
            }
            catch (InconsistentStateException)
            {
                // Another node that starts has just moved it.
            }
        }

        if (File.Exists(path)) File.Move(path, path + Suffix, overwrite: true);
        LogMoved(moved, path, Suffix);
    }

    private List<(GrainId Id, string Name, string Payload)> Read()
    {
        try
        {
            using var connection = new SqliteConnection(
                new SqliteConnectionStringBuilder { DataSource = path, Mode = SqliteOpenMode.ReadWrite, Pooling = false }.ToString());
            connection.Open();
            using var command = connection.CreateCommand();

            // What stands in the log beside the file goes into it, since only the file is kept.
            command.CommandText = "PRAGMA wal_checkpoint(TRUNCATE)";
            command.ExecuteNonQuery();
            command.CommandText =
                "SELECT grain_type, grain_id, state_name, payload FROM grain_state ORDER BY grain_type, grain_id, state_name";
            using var rows = command.ExecuteReader();
            var all = new List<(GrainId, string, string)>();
            while (rows.Read()) all.Add((GrainId.Create(rows.GetString(0), rows.GetString(1)), rows.GetString(2), rows.GetString(3)));
            return all;
        }
        catch (SqliteException failure)
        {
            throw new FuseMixException(
                FailureKind.Corrupt,
                $"The jobs that '{path}' knows cannot be moved to where the state of grains is kept now: {failure.Message}",
                "Restore the file from a copy; or do without them: move it away, and start the node again.",
                failure);
        }
    }

    [LoggerMessage(4021, LogLevel.Information, "{Count} states of grains were moved from '{Path}' to where they are kept now; the file "
        + "is called '…{Suffix}' from now on")]
    private partial void LogMoved(int count, string path, string suffix);
}
