namespace FuseMix.Storage;

/// <summary>Paths as people write them.</summary>
public static class UserPath
{
    /// <summary>The path with '~', or '~/' before more, as the folder of the user. Shells do so too, but neither in quotes nor after '='; a
    /// folder that is called '~' is written './~'.</summary>
    public static string Expand(string path) =>
        (path == "~" || path.StartsWith("~/", StringComparison.Ordinal))
            && Environment.GetFolderPath(Environment.SpecialFolder.UserProfile) is { Length: > 0 } own
            ? Path.Combine(own, path[1..].TrimStart('/'))
            : path;
}
