using System.Runtime.CompilerServices;

namespace FuseMix.Operations.Tests;

/// <summary>The files of this checkout that the tests look over.</summary>
internal static class Checkout
{
    /// <summary>The absolute path of a file or folder of the checkout.</summary>
    public static string PathOf(string relative) => Path.GetFullPath(Path.Combine(Root(), relative));

    /// <summary>The text of a file of the checkout.</summary>
    public static string Read(string relative) => File.ReadAllText(PathOf(relative));

    private static string Root([CallerFilePath] string here = "") => Path.Combine(Path.GetDirectoryName(here)!, "..", "..");
}
