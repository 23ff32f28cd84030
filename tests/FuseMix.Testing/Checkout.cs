using System.Runtime.CompilerServices;

namespace FuseMix.Testing;

/// <summary>The checkout that the tests were built from, for tests of files that are not code.</summary>
public static class Checkout
{
    /// <summary>Its folder.</summary>
    public static string Root { get; } = Find();

    private static string Find([CallerFilePath] string here = "") =>
        Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "..", ".."));
}
