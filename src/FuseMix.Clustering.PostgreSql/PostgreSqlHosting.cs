using Microsoft.Extensions.DependencyInjection;
using Orleans.Configuration;
using Orleans.Hosting;
using Orleans.Serialization;

namespace FuseMix.Clustering.PostgreSql;

/// <summary>A cluster whose nodes and clients find one another through a PostgreSQL database, which also keeps the state of grains.</summary>
public static class PostgreSqlHosting
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

    /// <summary>Makes the host a client of a FuseMix cluster that uses the database.</summary>
    /// <param name="client">The client.</param>
    /// <param name="connectionString">As Npgsql knows it.</param>
    /// <param name="clusterId">Name of the cluster, as its nodes have it.</param>
    /// <param name="serviceId">Name of the service, as its nodes have it.</param>
    public static IClientBuilder UsePostgreSqlClustering(
        this IClientBuilder client, string connectionString, string clusterId = "fusemix", string serviceId = "fusemix")
    {
        client.UseAdoNetClustering(options => (options.Invariant, options.ConnectionString) = (Invariant, connectionString));
        client.Configure<ClusterOptions>(options => (options.ClusterId, options.ServiceId) = (clusterId, serviceId));
        client.Services.Configure<ExceptionSerializationOptions>(options => options.SupportedNamespacePrefixes.Add(nameof(FuseMix)));
        client.AddActivityPropagation();
        return client;
    }
}
