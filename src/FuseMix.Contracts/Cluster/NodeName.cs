namespace FuseMix.Contracts.Cluster;

/// <summary>A node's name together with its roles, written "gateway+index@host-1": membership carries nothing else to every node.</summary>
/// <param name="Name">The name, unique in the cluster.</param>
/// <param name="Roles">One or more of <see cref="NodeRoles"/>.</param>
public sealed record NodeName(string Name, IReadOnlyList<string> Roles)
{
    /// <summary>Reads a silo name; one without roles has them all.</summary>
    public static NodeName Parse(string siloName)
    {
        var at = siloName.IndexOf('@', StringComparison.Ordinal);
        return at < 0 ? new NodeName(siloName, NodeRoles.All) : new NodeName(siloName[(at + 1)..], siloName[..at].Split('+'));
    }

    /// <summary>A node of that name with those roles.</summary>
    /// <exception cref="FuseMixException">A role is not one of <see cref="NodeRoles"/>, or there is none.</exception>
    public static NodeName Create(string name, IEnumerable<string> roles)
    {
        var all = roles.ToArray();
        if (all.Length == 0) throw new FuseMixException(FailureKind.Invalid, $"Node '{name}' has no role.", $"Roles: {string.Join(", ", NodeRoles.All)}.");
        foreach (var role in all)
        {
            if (!NodeRoles.All.Contains(role)) throw FuseMixException.UnknownName("node role", role, NodeRoles.All, FailureKind.Invalid);
        }

        return new NodeName(ResourceName.Require(name, "node"), all);
    }

    /// <summary>Whether the node does this.</summary>
    public bool Has(string role) => Roles.Contains(role);

    /// <summary>The silo name.</summary>
    public override string ToString() => $"{string.Join('+', Roles)}@{Name}";
}
