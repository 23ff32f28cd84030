using System.Runtime.CompilerServices;

namespace FuseMix.Testing;

/// <summary>Packages that set-up fetched into the home folder; tests read them and never the network.</summary>
public static class TestPackages
{
    /// <summary>The folder of a package, or null where it was not fetched.</summary>
    public static string? Find(string name, string version)
    {
        var folder = Path.Combine(Home(), "packages", $"{name.Replace('/', '+')}@{version}");
        return File.Exists(Path.Combine(folder, "package.json")) ? folder : null;
    }

    /// <summary>Why a test is skipped that needs a package which was not fetched.</summary>
    public static string WhyMissing(string name, string version) =>
        $"The package {name}@{version} was not fetched into {Path.Combine(Home(), "packages")}; './fusemix test' fetches it.";

    private static string Home([CallerFilePath] string here = "") =>
        Environment.GetEnvironmentVariable("FUSEMIX_HOME") is { Length: > 0 } home
            ? home
            : Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "..", "..", ".fusemix"));
}
