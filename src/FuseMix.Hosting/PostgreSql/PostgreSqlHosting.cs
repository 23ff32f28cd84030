using Orleans.Hosting;

namespace FuseMix.Hosting.PostgreSql;

/// <summary>A cluster whose nodes find one another through a PostgreSQL database, which also keeps the state of grains.</summary>
internal static class PostgreSqlHosting
{
    private const string Invariant = "Npgsql";

    /// <summary>Finds the other nodes in the database, whose schema must be there: <see cref="PostgreSqlSchema.EnsureAsync"/>.</summary>
    /// <param name="silo">The node.</param>
    /// <param name="connectionString">As Npgsql knows it, e.g. <c>Host=db;Database=fusemix;Username=fusemix;Password=…</c>.</param>
    public static ISiloBuilder UsePostgreSqlClustering(this ISiloBuilder silo, string connectionString) =>
        silo.UseAdoNetClustering(options => (options.Invariant, options.ConnectionString) = (Invariant, connectionString));

    /// <summary>Keeps grain states named <paramref name="name"/> in the database, as JSON.</summary>
    /// <param name="silo">The node.</param>
    /// <param name="name">The storage name that grains give in <c>[PersistentState]</c>.</param>
    /// <param name="connectionString">As Npgsql knows it.</param>
    public static ISiloBuilder AddPostgreSqlGrainStorage(this ISiloBuilder silo, string name, string connectionString) =>
        silo.AddAdoNetGrainStorage(name, options =>
        {
            (options.Invariant, options.ConnectionString) = (Invariant, connectionString);
            options.GrainStorageSerializer = new JsonStateSerializer();
        });
}
