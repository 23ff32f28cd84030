using Microsoft.Extensions.DependencyInjection;
using Orleans.Hosting;
using Orleans.Runtime.Hosting;

namespace FuseMix.Hosting.Sqlite;

/// <summary>Registers grain storage in a SQLite file.</summary>
public static class SqliteGrainStorageHosting
{
    /// <summary>
    /// Keeps grain states named <paramref name="name"/> in the SQLite file at <paramref name="path"/>, which is made, with its folder, at
    /// first use. Several nodes and several processes of one machine may use one file; a file on a network share must not be shared.
    /// </summary>
    /// <param name="silo">The node.</param>
    /// <param name="name">The storage name that grains give in <c>[PersistentState]</c>; "Default" serves those that give none.</param>
    /// <param name="path">The file, e.g. <c>state/grains.db</c>.</param>
    public static ISiloBuilder AddSqliteGrainStorage(this ISiloBuilder silo, string name, string path)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        silo.Services.AddGrainStorage(
            name, (services, _) => new SqliteGrainStorage(path, services.GetService<TimeProvider>() ?? TimeProvider.System));
        return silo;
    }
}
