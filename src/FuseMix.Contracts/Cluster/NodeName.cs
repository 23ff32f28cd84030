namespace FuseMix.Contracts.Cluster;

/// <summary>A node's name with its roles and accelerators, written "extract+train/cuda@host-1": membership carries nothing else to every
/// node.</summary>
/// <param name="Name">The name, unique in the cluster.</param>
/// <param name="Roles">One or more of <see cref="NodeRoles"/>.</param>
/// <param name="Accelerators">None or some of <see cref="Cluster.Accelerators"/>.</param>
public sealed record NodeName(string Name, IReadOnlyList<string> Roles, IReadOnlyList<string> Accelerators)
{
    /// <summary>Reads a silo name; one without roles has them all.</summary>
    public static NodeName Parse(string siloName)
    {
        var at = siloName.IndexOf('@', StringComparison.Ordinal);
        if (at < 0) return new NodeName(siloName, NodeRoles.All, []);
        var slash = siloName.AsSpan(0, at).IndexOf('/');
        return slash < 0
            ? new NodeName(siloName[(at + 1)..], siloName[..at].Split('+'), [])
            : new NodeName(siloName[(at + 1)..], siloName[..slash].Split('+'), siloName[(slash + 1)..at].Split('+'));
    }

    /// <summary>A node of that name with those roles and accelerators.</summary>
    /// <exception cref="FuseMixException">A role or an accelerator is not known, or there is no role.</exception>
    public static NodeName Create(string name, IEnumerable<string> roles, IEnumerable<string>? accelerators = null)
    {
        string[] does = [.. roles];
        string[] has = [.. accelerators ?? []];
        if (does.Length == 0) throw new FuseMixException(FailureKind.Invalid, $"Node '{name}' has no role.", $"Roles: {string.Join(", ", NodeRoles.All)}.");
        Require("node role", does, NodeRoles.All);
        Require("accelerator", has, Cluster.Accelerators.Known);
        return new NodeName(ResourceName.Require(name, "node"), does, has);
    }

    /// <summary>Whether the node does this.</summary>
    public bool Has(string role) => Roles.Contains(role);

    /// <summary>The silo name.</summary>
    public override string ToString() =>
        $"{string.Join('+', Roles)}{(Accelerators.Count == 0 ? "" : "/")}{string.Join('+', Accelerators)}@{Name}";

    private static void Require(string what, string[] words, IReadOnlyList<string> known)
    {
        if (words.FirstOrDefault(word => !known.Contains(word)) is { } unknown)
            throw FuseMixException.UnknownName(what, unknown, known, FailureKind.Invalid);
    }
}
