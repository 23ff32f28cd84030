namespace FuseMix.Cli.Tests;

/// <summary>Home folders that can be written to, a fresh one for each who asks; all are deleted when the tests are over.</summary>
internal static class TestHome
{
    private static readonly Lazy<string> Folder = new(() =>
    {
        var folder = Directory.CreateTempSubdirectory("fusemix-cli-tests-").FullName;
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(folder, recursive: true);
        return folder;
    });

    public static string Path => Directory.CreateDirectory(System.IO.Path.Combine(Folder.Value, $"{Guid.NewGuid():N}")).FullName;
}
