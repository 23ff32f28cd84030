using FuseMix.Silo.Configuration;

namespace FuseMix.Silo.Security;

/// <summary>What a key may do, each more than the one before; also the names of the policies that routes require.</summary>
internal static class Scope
{
    /// <summary>To look and to search.</summary>
    public const string Read = "read";

    /// <summary>To import, extract, train, measure and build, too: all that works for long.</summary>
    public const string Write = "write";

    /// <summary>To add and remove encoders and to delete, too.</summary>
    public const string Admin = "admin";

    /// <summary>No scope but a policy: <see cref="Read"/>, or a call that comes from this very machine.</summary>
    public const string Metrics = "metrics";

    /// <summary>The scope that matters of several: the one that holds all others of them.</summary>
    public static string Highest(IEnumerable<string> scopes) => scopes.MaxBy(Rank) ?? "";

    /// <summary>Whether who has a scope may do what needs another.</summary>
    public static bool Holds(string has, string needed) => Rank(has) >= Rank(needed);

    private static int Rank(string scope) =>
        ApiKeyOptions.AllScopes.Index().Where(entry => entry.Item == scope).Select(entry => entry.Index).DefaultIfEmpty(-1).First();
}
