namespace FuseMix.Cli.Tests;

/// <summary>A home folder for the tests of one run that need one which can be written to.</summary>
internal static class TestHome
{
    private static readonly Lazy<string> Folder = new(() =>
    {
        var folder = Directory.CreateTempSubdirectory("fusemix-cli-tests-").FullName;
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(folder, recursive: true);
        return folder;
    });

    public static string Path => Folder.Value;
}
