using System.Globalization;

namespace FuseMix.Contracts.Cluster;

/// <summary>A node's name with its roles, slots and accelerators, written "extract:8+train/cuda@host-1": membership carries nothing else to
/// every node.</summary>
/// <param name="Name">The name, unique in the cluster.</param>
/// <param name="Roles">One or more of <see cref="NodeRoles"/>.</param>
/// <param name="Accelerators">None or some of <see cref="Cluster.Accelerators"/>.</param>
/// <param name="Slots">How many shards it extracts at once, where it extracts; 1 or more.</param>
public sealed record NodeName(string Name, IReadOnlyList<string> Roles, IReadOnlyList<string> Accelerators, int Slots = 1)
{
    private const string SlotsOf = $"{NodeRoles.Extract}:";

    /// <summary>Reads a silo name; one without roles has them all.</summary>
    public static NodeName Parse(string siloName)
    {
        var at = siloName.IndexOf('@', StringComparison.Ordinal);
        if (at < 0) return new NodeName(siloName, NodeRoles.All, []);
        var slash = siloName.AsSpan(0, at).IndexOf('/');
        var roles = siloName[..(slash < 0 ? at : slash)].Split('+');
        var slots = 1;
        if (Array.FindIndex(roles, role => role.StartsWith(SlotsOf, StringComparison.Ordinal)) is var extract and >= 0)
        {
            if (int.TryParse(roles[extract].AsSpan(SlotsOf.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var said))
                slots = Math.Max(1, said);
            roles[extract] = NodeRoles.Extract;
        }

        return new NodeName(siloName[(at + 1)..], roles, slash < 0 ? [] : siloName[(slash + 1)..at].Split('+'), slots);
    }

    /// <summary>A node of that name with those roles, accelerators and slots.</summary>
    /// <exception cref="FuseMixException">A role or an accelerator is not known, or there is no role.</exception>
    public static NodeName Create(string name, IEnumerable<string> roles, IEnumerable<string>? accelerators = null, int slots = 1)
    {
        string[] does = [.. roles];
        string[] has = [.. accelerators ?? []];
        if (does.Length == 0)
            throw new FuseMixException(FailureKind.Invalid, $"Node '{name}' has no role.", $"Roles: {string.Join(", ", NodeRoles.All)}.");
        Require("node role", does, NodeRoles.All);
        Require("accelerator", has, Cluster.Accelerators.Known);
        return new NodeName(ResourceName.Require(name, "node"), does, has, slots);
    }

    /// <summary>Whether the node does this.</summary>
    public bool Has(string role) => Roles.Contains(role);

    /// <summary>The silo name.</summary>
    public override string ToString()
    {
        var roles = string.Join('+', Roles.Select(role => role == NodeRoles.Extract && Slots > 1 ? $"{SlotsOf}{Slots}" : role));
        return $"{roles}{(Accelerators.Count == 0 ? "" : "/")}{string.Join('+', Accelerators)}@{Name}";
    }

    private static void Require(string what, string[] words, IReadOnlyList<string> known)
    {
        if (words.FirstOrDefault(word => !known.Contains(word)) is { } unknown)
            throw FuseMixException.UnknownName(what, unknown, known, FailureKind.Invalid);
    }
}
