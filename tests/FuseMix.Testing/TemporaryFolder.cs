namespace FuseMix.Testing;

/// <summary>A fresh folder that is deleted when the test ends.</summary>
public sealed class TemporaryFolder : IDisposable
{
    private const int Attempts = 1000;

    /// <param name="parent">Where to make it; null for where the machine keeps temporary files.</param>
    public TemporaryFolder(string? parent = null) => Path = parent is null
        ? Directory.CreateTempSubdirectory("fusemix-test-").FullName
        : Directory.CreateDirectory(System.IO.Path.Combine(parent, $"fusemix-test-{Guid.NewGuid():N}")).FullName;

    public string Path { get; }

    public string this[string relative] => System.IO.Path.Combine(Path, relative);

    public void Dispose()
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                Directory.Delete(Path, recursive: true);
                return;
            }
            catch (IOException) when (attempt < Attempts)
            {
                // The threads of a node that a test killed write on for a moment, for nobody can stop them.
                Thread.Yield();
            }
        }
    }
}
