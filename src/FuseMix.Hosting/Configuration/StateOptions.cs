namespace FuseMix.Hosting.Configuration;

/// <summary>Where grains keep their state.</summary>
public enum StateKind
{
    /// <summary>A file under the home folder: for the nodes of one machine.</summary>
    Sqlite,

    /// <summary>Blobs of an Azure storage account.</summary>
    Azure,

    /// <summary>A PostgreSQL database.</summary>
    PostgreSql,
}

/// <summary>Where grains keep their state: which jobs there are and how they stand. Bulky data lie in the home folder.</summary>
public sealed class StateOptions
{
    /// <summary>Where; null for what goes with <see cref="ClusteringOptions.Kind"/>.</summary>
    public StateKind? Kind { get; set; }

    /// <summary>Of the storage account or database; null for the one of <see cref="ClusteringOptions.ConnectionString"/>, where it is of
    /// the same kind.</summary>
    public string? ConnectionString { get; set; }

    /// <summary>The kind in force.</summary>
    public StateKind KindWith(ClusteringOptions cluster) => Kind ?? cluster.Kind switch
    {
        ClusteringKind.Azure => StateKind.Azure,
        ClusteringKind.PostgreSql => StateKind.PostgreSql,
        _ => StateKind.Sqlite,
    };

    /// <summary>The connection string in force; null where there is none.</summary>
    public string? ConnectionStringWith(ClusteringOptions cluster) =>
        ConnectionString ?? (KindWith(cluster).ToString() == cluster.Kind.ToString() ? cluster.ConnectionString : null);

    internal void Validate(ConfigurationProblems problems, ClusteringOptions cluster)
    {
        if (KindWith(cluster) == StateKind.Azure && cluster.ServiceId.Length > 50)
            problems.Add(
                "FuseMix:Cluster:ServiceId",
                $"has {cluster.ServiceId.Length} characters; with FuseMix:State:Kind Azure it names a container and must have at most 50");
        var kind = KindWith(cluster);
        if (kind == StateKind.Sqlite)
        {
            if (cluster.Kind != ClusteringKind.Local)
                problems.Add(
                    "FuseMix:State:Kind",
                    $"is Sqlite, a file that nodes of one machine can share; with FuseMix:Cluster:Kind {cluster.Kind} use Azure or "
                        + "PostgreSql");
            if (ConnectionString is not null)
                problems.Add(
                    "FuseMix:State:ConnectionString",
                    "is set, but FuseMix:State:Kind is Sqlite, whose file lies in the home folder; remove it, or choose another kind");
        }
        else if (string.IsNullOrWhiteSpace(ConnectionStringWith(cluster)) && cluster.Kind.ToString() != kind.ToString())
        {
            problems.Add("FuseMix:State:ConnectionString", $"is not set; FuseMix:State:Kind {kind} needs it");
        }
    }
}
