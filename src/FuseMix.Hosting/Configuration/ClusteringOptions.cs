using System.ComponentModel.DataAnnotations;
using System.Net;
using FuseMix.Hosting.Security;

namespace FuseMix.Hosting.Configuration;

/// <summary>How nodes find one another.</summary>
public enum ClusteringKind
{
    /// <summary>Nodes of one machine, which find one another on its loopback interface.</summary>
    Local,

    /// <summary>Through a table of Azure Storage.</summary>
    Azure,

    /// <summary>Through a PostgreSQL database.</summary>
    PostgreSql,
}

/// <summary>The cluster that a node belongs to, and how its other nodes are found.</summary>
public sealed class ClusteringOptions
{
    /// <summary>How nodes find one another.</summary>
    public ClusteringKind Kind { get; set; }

    /// <summary>Name of the cluster: nodes of other names are not seen.</summary>
    public string ClusterId { get; set; } = "fusemix";

    /// <summary>Name of the service, under which the state of grains is kept; it outlives clusters.</summary>
    public string ServiceId { get; set; } = "fusemix";

    /// <summary>Of the Azure storage account or the PostgreSQL database; needs the rights to make tables.</summary>
    public string? ConnectionString { get; set; }

    /// <summary>The IP address at which the other nodes reach this one; null for the first address of this machine that is not
    /// loopback.</summary>
    public string? AdvertisedAddress { get; set; }

    /// <summary>TCP port for the other nodes; 0 for any free one.</summary>
    [Range(0, 65_535)]
    public int SiloPort { get; set; } = 11_111;

    /// <summary>TCP port for Orleans clients; 0 for any free one.</summary>
    [Range(0, 65_535)]
    public int GatewayPort { get; set; } = 30_000;

    /// <summary>With <see cref="ClusteringKind.Local"/>: the <see cref="SiloPort"/> of the node that was started first, which the others
    /// join; null for that first node itself.</summary>
    [Range(1, 65_535)]
    public int? PrimarySiloPort { get; set; }

    /// <summary>The certificate that the node shows to other nodes and to Orleans clients, and whose certificates it takes; without a path,
    /// their connections are in plain text and ask nobody who he is.</summary>
    public MemberCertificateOptions Certificate { get; set; } = new();

    /// <summary>Whether Orleans clients may enter at nodes with the role for it; a node in the process of its only client needs no port for
    /// them.</summary>
    internal bool AdmitsClients { get; init; } = true;

    /// <summary>Whether this node joins others that run already, or that others join through a database.</summary>
    public bool IsAlone => Kind == ClusteringKind.Local && (PrimarySiloPort is null || PrimarySiloPort == SiloPort);

    /// <summary>Whether the node has joined another one that alone knows the members: without that one none can be given up, nor take its
    /// place.</summary>
    public bool DependsOnFirst => Kind == ClusteringKind.Local && !IsAlone;

    internal void Validate(ConfigurationProblems problems)
    {
        RequireName(nameof(ClusterId), ClusterId);
        RequireName(nameof(ServiceId), ServiceId);
        if (SiloPort == GatewayPort && SiloPort != 0)
            problems.Add("FuseMix:Cluster:GatewayPort", $"is {GatewayPort}, as FuseMix:Cluster:SiloPort; give another");
        if (AdvertisedAddress is not null
            && (!IPAddress.TryParse(AdvertisedAddress, out var address) || address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any)))
        {
            problems.Add(
                "FuseMix:Cluster:AdvertisedAddress",
                $"is '{AdvertisedAddress}'; it must be the IP address at which other nodes reach this one");
        }

        if (Kind == ClusteringKind.Local)
        {
            if (AdvertisedAddress is not null && !(IPAddress.TryParse(AdvertisedAddress, out var local) && IPAddress.IsLoopback(local)))
                problems.Add(
                    "FuseMix:Cluster:AdvertisedAddress",
                    "is not a loopback address; with FuseMix:Cluster:Kind Local all nodes are on this machine: remove it, or choose "
                        + "another kind");
            if (ConnectionString is not null)
                problems.Add(
                    "FuseMix:Cluster:ConnectionString",
                    "is set, but FuseMix:Cluster:Kind is Local; set Kind to Azure or PostgreSql, or remove it");
        }
        else
        {
            if (string.IsNullOrWhiteSpace(ConnectionString))
                problems.Add("FuseMix:Cluster:ConnectionString", $"is not set; FuseMix:Cluster:Kind {Kind} needs it");
            if (PrimarySiloPort is not null)
                problems.Add(
                    "FuseMix:Cluster:PrimarySiloPort",
                    $"is set; with FuseMix:Cluster:Kind {Kind} nodes find one another without it: remove it");
        }

        Certificate.Validate(problems);

        void RequireName(string key, string value)
        {
            if (!ResourceName.IsValid(value))
                problems.Add(
                    $"FuseMix:Cluster:{key}",
                    $"is '{value}'; it must be 1 to {ResourceName.MaxLength} lower-case letters, digits, '-', '_' or '.'");
        }
    }
}
