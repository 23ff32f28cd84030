using FuseMix.Hosting;
using Npgsql;

namespace FuseMix.Testing.Clusters;

/// <summary>A PostgreSQL server of one's own, on a free port, with its data in a temporary folder.</summary>
internal sealed class PostgreSqlServer : IAsyncDisposable
{
    public const string WhyMissing = "PostgreSQL is not installed (Debian: postgresql); './fusemix test' installs it.";

    private readonly string _folder = Directory.CreateTempSubdirectory("fusemix-postgresql-").FullName;
    private readonly int _port = Ports.Free();
    private ChildProcess? _server;

    /// <summary>Of its database "postgres".</summary>
    public string ConnectionString => ConnectionStringOf("postgres");

    public static bool IsInstalled => Binaries() is not null;

    /// <exception cref="InvalidOperationException">It is not installed, or does not start.</exception>
    public static async Task<PostgreSqlServer> StartAsync()
    {
        var server = new PostgreSqlServer();
        try
        {
            await server.Start(Binaries() ?? throw new InvalidOperationException(WhyMissing));
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        NpgsqlConnection.ClearAllPools();
        if (_server is not null)
        {
            // A fast shutdown: its own processes would outlive a kill for a while.
            _server.Interrupt();
            await _server.Exited;
            await _server.DisposeAsync();
        }

        Directory.Delete(_folder, recursive: true);
    }

    /// <summary>An empty database.</summary>
    public async Task<string> CreateDatabase(string name)
    {
        await Execute(ConnectionString, $"CREATE DATABASE {name}");
        return ConnectionStringOf(name);
    }

    /// <summary>What a statement gives, the first value of each row.</summary>
    public static async Task<List<object>> Query(string connectionString, string statement)
    {
        await using var connection = new NpgsqlConnection(connectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(statement, connection);
        await using var rows = await command.ExecuteReaderAsync();
        var values = new List<object>();
        while (await rows.ReadAsync()) values.Add(rows.GetValue(0));
        return values;
    }

    public static Task Execute(string connectionString, string statement) => Query(connectionString, statement);

    private async Task Start(string binaries)
    {
        // It refuses to run as root, who may become somebody else.
        string[] asNobody = Environment.IsPrivilegedProcess ? ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"] : [];
        if (asNobody.Length > 0) await Succeed("chown", "nobody", _folder);
        var data = Path.Combine(_folder, "data");
        await Succeed(
            [.. asNobody, Path.Combine(binaries, "initdb"), "--pgdata", data, "--username=fusemix", "--auth=trust", "--no-sync", "--no-locale", "--encoding=UTF8"]);
        string[] run =
        [
            .. asNobody, Path.Combine(binaries, "postgres"), "-D", data, "-p", $"{_port}", "-c", "listen_addresses=127.0.0.1", "-c",
            "unix_socket_directories=",
            "-c", "fsync=off", "-c", "max_connections=200",
        ];
        _server = ChildProcess.Start(run[0], run[1..]);
        await _server.Line(line => line.Contains("ready to accept connections", StringComparison.Ordinal));
    }

    private string ConnectionStringOf(string database) =>
        $"Host=127.0.0.1;Port={_port};Database={database};Username=fusemix;Timeout={(int)Patience.Long.TotalSeconds}";

    private static string? Binaries()
    {
        var installed = Directory.Exists("/usr/lib/postgresql")
            ? Directory.EnumerateDirectories("/usr/lib/postgresql").OrderByDescending(folder => folder, StringComparer.Ordinal).Select(
                folder => Path.Combine(folder, "bin"))
            : [];
        return installed.Concat((Environment.GetEnvironmentVariable("PATH") ?? "").Split(':'))
            .FirstOrDefault(folder => File.Exists(Path.Combine(folder, "postgres")) && File.Exists(Path.Combine(folder, "initdb")));
    }

    private static async Task Succeed(params string[] command)
    {
        var (code, printed) = await ChildProcess.Run(command[0], command[1..]);
        if (code != 0) throw new InvalidOperationException($"{string.Join(' ', command)} failed:\n{printed}");
    }
}
