using FuseMix.Grains.Cluster;
using FuseMix.Storage;

namespace FuseMix.Hosting.Configuration;

/// <summary>All that decides how a node is put together, whatever face it has.</summary>
public class NodeConfiguration
{
    /// <summary>The folder where everything durable lies, on storage that all nodes share; null for FUSEMIX_HOME, else .fusemix.</summary>
    public string? Home { get; set; }

    /// <summary>What the node is and how much of its machine it uses.</summary>
    public NodeOptions Node { get; set; } = new();

    /// <summary>The cluster that it belongs to.</summary>
    public ClusteringOptions Cluster { get; set; } = new();

    /// <summary>Where grains keep their state.</summary>
    public StateOptions State { get; set; } = new();

    /// <summary>How it leaves.</summary>
    public ShutdownOptions Shutdown { get; set; } = new();

    /// <summary>The home folder in force.</summary>
    public FuseMixHome ResolveHome() => FuseMixHome.Resolve(Home);

    /// <summary>Notes what cannot be, as far as it can be known without the machine that it is for.</summary>
    public virtual void Validate(ConfigurationProblems problems)
    {
        try
        {
            _ = Node.ToNodeName();
        }
        catch (FuseMixException failure)
        {
            problems.Add("FuseMix:Node", $"cannot be: {failure.Advice.TrimEnd('.')}");
        }

        RequireDistinct("FuseMix:Node:Roles", Node.Roles);
        RequireDistinct("FuseMix:Node:Accelerators", Node.Accelerators);
        Cluster.Validate(problems);
        State.Validate(problems, Cluster);
        Shutdown.Validate(problems);
        if (Cluster.Kind != ClusteringKind.Local && string.IsNullOrWhiteSpace(Home))
            problems.Add(
                "FuseMix:Home",
                $"is not set; with FuseMix:Cluster:Kind {Cluster.Kind} it must name the folder on storage that all nodes share");

        void RequireDistinct(string key, IReadOnlyList<string> words)
        {
            if (words.Distinct().Count() != words.Count) problems.Add(key, $"names something twice: {string.Join(", ", words)}");
        }
    }
}
