using System.Net.Sockets;
using Npgsql;

namespace FuseMix.Hosting.PostgreSql;

/// <summary>What Orleans needs in a PostgreSQL database: its own published scripts (Schema/, MIT licence), run once.</summary>
internal static class PostgreSqlSchema
{
    /// <summary>Nodes that start at once wait for one another here; any number will do that nobody else uses.</summary>
    private const long Gate = 0x46_75_73_65_4D_69_78;

    /// <summary>Each script with something that it makes: where that is there, the script has been run.</summary>
    private static readonly (string Script, string Makes)[] Scripts =
    [
        ("PostgreSQL-Main.sql", "orleansquery"),
        ("PostgreSQL-Clustering.sql", "orleansmembershiptable"),
        ("PostgreSQL-Persistence.sql", "orleansstorage"),
    ];

    /// <summary>Orleans' script makes sure of one row per state by reading before it writes, which two activations can do at
    /// once.</summary>
    private const string OneRowPerState = """
        CREATE UNIQUE INDEX IF NOT EXISTS fusemix_one_row_per_state ON orleansstorage
            (grainidhash, graintypehash, grainidn0, grainidn1, graintypestring, coalesce(grainidextensionstring, ''), serviceid)
        """;

    /// <summary>Makes what is missing, all or nothing; where all is there, no right to make tables is needed.</summary>
    /// <param name="connectionString">As Npgsql knows it.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The scripts that were run; none where all was there.</returns>
    /// <exception cref="FuseMixException">The database cannot be reached, or refuses.</exception>
    public static async Task<IReadOnlyList<string>> EnsureAsync(string connectionString, CancellationToken cancellationToken = default)
    {
        try
        {
            await using var connection = new NpgsqlConnection(connectionString);
            await connection.OpenAsync(cancellationToken);
            if (await Missing(connection, cancellationToken) is []) return [];

            await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
            await Run(connection, $"SELECT pg_advisory_xact_lock({Gate})", cancellationToken);

            // Another node may have made it all while this one waited.
            var missing = await Missing(connection, cancellationToken);
            foreach (var script in missing) await Run(connection, Read(script), cancellationToken);
            if (missing.Count > 0) await Run(connection, OneRowPerState, cancellationToken);
            await transaction.CommitAsync(cancellationToken);
            return missing;
        }
        catch (PostgresException refused)
        {
            throw new FuseMixException(
                FailureKind.Unavailable,
                $"The PostgreSQL database refuses: {refused.MessageText} ({refused.SqlState}).",
                refused.SqlState == PostgresErrorCodes.InsufficientPrivilege
                    ? "Run 'fusemix-silo --create-schema' once as a user who may make tables, or give this user that right."
                    : "Check the database, its user and its password in the connection string.",
                refused);
        }
        catch (Exception failure) when (failure is NpgsqlException or SocketException or TimeoutException)
        {
            throw new FuseMixException(
                FailureKind.Unavailable,
                $"The PostgreSQL database cannot be reached: {failure.Message}",
                "Check that it runs, and host and port in the connection string.",
                failure);
        }
        catch (ArgumentException malformed)
        {
            throw new FuseMixException(
                FailureKind.Invalid,
                $"The PostgreSQL connection string is not valid: {malformed.Message}",
                "It looks like Host=…;Database=…;Username=…;Password=….",
                malformed);
        }
    }

    private static async Task<List<string>> Missing(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        var missing = new List<string>();
        foreach (var (script, makes) in Scripts)
        {
            // to_regclass would answer from a cache that does not hear, while a transaction waits for the gate, what another node made.
            var there = $"SELECT EXISTS (SELECT FROM pg_catalog.pg_class WHERE relname = '{makes}' AND pg_table_is_visible(oid))";
            await using var command = new NpgsqlCommand(there, connection);
            if (await command.ExecuteScalarAsync(cancellationToken) is not true) missing.Add(script);
        }

        return missing;
    }

    private static async Task Run(NpgsqlConnection connection, string text, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(text, connection);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private static string Read(string script)
    {
        using var stream = typeof(PostgreSqlSchema).Assembly.GetManifestResourceStream(script)!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
